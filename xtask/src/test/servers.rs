//! The servers of S3 that the store's tests talk to: ops/s3/servers.py as a child process that
//! cannot outlive us.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::workspace;

/// Running servers. They end when their standard input closes.
pub(super) struct Servers {
    child: Child,
    /// Where they listen, as the variables that the tests read.
    pub(super) variables: Vec<(String, String)>,
}

impl Servers {
    /// Starts them and waits until they answer; installs them where they are not there yet.
    pub(super) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new("python3")
            .args(["ops/s3/servers.py", "--until-stdin-closes", "--tools"])
            .arg(workspace::target()?.join("tools"))
            .current_dir(workspace::root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start python3")?;
        let stdout = child.stdout.take().context("the servers have no standard output")?;
        let mut servers = Self { child, variables: Vec::new() };
        for line in BufReader::new(stdout).lines() {
            let line = line.context("cannot read what the servers say")?;
            if line == "ready" {
                return Ok(servers);
            }
            if let Some((name, value)) = line.split_once('=') {
                servers.variables.push((name.to_owned(), value.to_owned()));
            }
        }
        bail!("ops/s3/servers.py ended; its message is above")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it stops its servers and ends by itself
        let _ = self.child.wait();
    }
}
