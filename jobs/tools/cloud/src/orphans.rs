//! Tasks that outlive a runner which was killed: each is noted while it is at work, and the next
//! runner, which holds the lock, ends those that it finds before it takes work of its own. A number
//! that another process has meanwhile is left alone: the note says when its process began.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// How often it is looked whether a process has ended, and how long between two looks.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);
/// How long Docker may take to answer.
const SOON: Duration = Duration::from_secs(10);

/// Where the tasks at work are noted.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    folder: PathBuf,
}

/// What is known of a task at work.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    pid: u32,
    /// When it began and what it is, as the system tells.
    is: String,
    /// Its container, where it is one.
    container: Option<String>,
}

/// A task at work; its note goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Note(PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Notes {
    /// The notes that belong to a runner's lock.
    pub(crate) fn beside(lock: &Path) -> Self {
        Self { folder: lock.with_extension("tasks") }
    }

    /// Notes a task that has begun.
    pub(crate) async fn begin(
        &self,
        name: &str,
        pid: u32,
        container: Option<String>,
    ) -> anyhow::Result<Note> {
        let file = self.folder.join(format!("{name}.json"));
        let is = identity(pid).await.unwrap_or_default();
        let text = serde_json::to_string(&Noted { pid, is, container })?;
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::write(&file, text))
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok(Note(file))
    }

    /// Ends what runners before us have left at work; how many there were. Only for who holds the
    /// lock.
    pub(crate) async fn end_orphans(&self) -> anyhow::Result<u32> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(0) };
        let mut ended = 0;
        for entry in entries {
            let file = entry.with_context(|| format!("cannot list `{}`", self.folder.display()))?;
            let noted = std::fs::read(file.path()).ok();
            // a note that was cut off is of a task that had just begun: nobody knows which
            if let Some(noted) = noted.and_then(|t| serde_json::from_slice::<Noted>(&t).ok()) {
                ended += u32::from(noted.end().await?);
            }
            let _ = std::fs::remove_file(file.path());
        }
        Ok(ended)
    }
}

impl Noted {
    /// Ends the task, where it is still at work.
    async fn end(&self) -> anyhow::Result<bool> {
        let mut was_there = false;
        if let Some(container) = &self.container {
            let mut command = Command::new("docker");
            command.args(["kill", container]).stdout(Stdio::null()).stderr(Stdio::null());
            let done = tokio::time::timeout(SOON, command.kill_on_drop(true).status()).await;
            was_there = done.is_ok_and(|status| status.is_ok_and(|status| status.success()));
        }
        for _ in 0..LOOKS {
            if self.is.is_empty() || identity(self.pid).await.as_ref() != Some(&self.is) {
                return Ok(was_there);
            }
            was_there = true;
            let pid = self.pid.to_string();
            let _ = Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status().await;
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!(
            "process {} of a runner before this one does not end; type `kill -KILL {}`",
            self.pid,
            self.pid
        )
    }
}

/// When a process began and what it is; `None` where there is none, or only what is left of one.
async fn identity(pid: u32) -> Option<String> {
    let mut command = Command::new("ps");
    command.args(["-p", &pid.to_string(), "-o", "stat=,lstart=,command="]).env("LC_ALL", "C");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, is) = line.split_once(char::is_whitespace)?;
    (output.status.success() && !state.starts_with('Z')).then(|| is.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_left_is_ended_and_strangers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::beside(&folder.path().join("runner.lock"));
        assert_eq!(notes.end_orphans().await.unwrap(), 0, "no folder yet");
        let sleep = || Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        let (mut left, mut done, mut stranger) = (sleep(), sleep(), sleep());
        // the runner that noted it is killed: nothing is dropped
        std::mem::forget(notes.begin("left", left.id().unwrap(), None).await.unwrap());
        drop(notes.begin("done", done.id().unwrap(), None).await.unwrap());
        let noted = Noted {
            pid: stranger.id().unwrap(),
            is: "Thu Jan  1 00:00:00 1970 silver --batch 1".to_owned(),
            container: None,
        };
        let file = notes.folder.join("stranger.json");
        std::fs::write(&file, serde_json::to_string(&noted).unwrap()).unwrap();
        std::fs::write(notes.folder.join("cut.json"), "{").unwrap();

        assert_eq!(notes.end_orphans().await.unwrap(), 1);
        assert!(!left.wait().await.unwrap().success(), "killed");
        assert!(done.try_wait().unwrap().is_none(), "its runner has done with it");
        assert!(stranger.try_wait().unwrap().is_none(), "another process of the same number");
        assert_eq!(std::fs::read_dir(&notes.folder).unwrap().count(), 0, "notes are done with");
    }
}
