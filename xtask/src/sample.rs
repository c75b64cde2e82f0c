//! The sample servers as child processes that cannot outlive us. The one place of `xtask` that names
//! a provider: what is measured and tried on the sample takes the word from here.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

/// The source whose archives the sample exchange serves.
pub(crate) const SOURCE: &str = "binance";

/// The same as a source.
pub(crate) const fn source() -> model::Source {
    model::Source::new(SOURCE)
}

/// The source whose files are dropped; `exchange` makes some by a command of the same name.
pub(crate) const DROPPED: &str = "histdata";

/// The same as a source.
pub(crate) const fn dropped() -> model::Source {
    model::Source::new(DROPPED)
}

/// How the servers of APIs are told of plans that include all that the demo asks for: splits and dividends.
pub(crate) const LARGER_PLANS: &[&str] = &["--twelvedata-minute", "55"];

/// What the demo of all sources asks at its end: a title, and the words of `cargo xtask query`.
pub(crate) const QUESTIONS_OF_ALL: &[(&str, &[&str])] = &[
    ("what came from where, and is it whole", &["sources"]),
    ("the same share in the same minutes, from two sources", &["compare_sources"]),
    (
        "the same currencies in the same minutes: one source has the middle, the other one bids",
        &["compare_sources", "--param", "symbol=EURUSD", "--param", "second=histdata"],
    ),
    ("price by earnings, by what was known on each day", &["pe", "--param", "symbol=AAPL"]),
];

/// A running sample server, of archives or of APIs. It ends when its standard input closes.
pub(crate) struct SampleServer {
    child: Child,
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
}

impl SampleServer {
    /// Starts `program` with a command and its arguments, and waits until it listens.
    pub(crate) fn start<S: AsRef<OsStr>>(
        program: &Path,
        command: &str,
        args: &[S],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args([command, "--until-stdin-closes"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the sample server")?;
        let stdout = child.stdout.take().context("the sample server has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("listening on ").map(|url| url.trim_end_matches('/').to_owned())
        });
        // nobody reads the rest, which must not block it
        std::thread::spawn(move || lines.for_each(drop));
        let Some(url) = url else {
            let status = child.wait()?;
            bail!("the sample server did not start ({status}); its message is above")
        };
        Ok(Self { child, url })
    }
}

impl Drop for SampleServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // it ends by itself; what is left of it is nobody's concern
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
