//! One job as a child process: its arguments, its output, its end, and trying again where its
//! exit code says that this makes sense.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use model::exit::Exit;
use model::progress::Progress;

use super::board::Board;
use crate::workspace;

/// Lines of a child's standard error that are kept for its message.
const KEEP: usize = 50;
/// Lines of a list that a message keeps.
const LISTED: usize = 3;
/// The longest wait between attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Starts the jobs of one run.
#[derive(Debug)]
pub(crate) struct Starter<'a> {
    /// Arguments that every job of the run takes.
    pub(crate) common: Vec<String>,
    /// The run's lock, which children inherit.
    pub(crate) lock: Option<&'a File>,
    /// Who shows what the children say.
    pub(crate) board: &'a Board,
    /// What the children have warned of.
    pub(crate) heard: &'a Heard,
    /// Set when everything is to end.
    pub(crate) stop: &'a Arc<AtomicBool>,
    /// When everything is to end anyway.
    pub(crate) deadline: Instant,
    /// How often a job is tried.
    pub(crate) attempts: u32,
}

/// How a job ended, its last attempt.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// Its exit.
    pub(crate) exit: Exit,
    /// What it said on standard output.
    pub(crate) stdout: String,
    /// What it said of its failure; empty when it did well.
    pub(crate) message: String,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// How long it took in all.
    pub(crate) took: Duration,
}

/// Whether a job that ended so is to be tried again, and after how long a wait at first.
const fn first_wait(exit: Exit) -> Option<Duration> {
    match exit {
        Exit::SourceUnavailable => Some(Duration::from_secs(1)),
        Exit::LostRace => Some(Duration::from_millis(200)),
        Exit::Done | Exit::Failed | Exit::Usage | Exit::DataRefused => None,
    }
}

/// The warnings of a run's jobs: each is shown once, however often a job is repeated and whichever
/// groups meet the same archive; an archive counts once, whatever there is to say of it.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<BTreeSet<String>>);

impl Heard {
    /// Takes note of a line of a job's log; whether it is news.
    fn hear(&self, line: &str) -> bool {
        let Some(warning) = warning(line) else { return true };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(warning.to_owned())
    }

    /// Whether a warning with these words was heard.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|w| w.contains(words))
    }

    /// How many there were, those with these words left out.
    pub(crate) fn warnings_but(&self, told: &[String]) -> u64 {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = heard.iter().filter(|warning| !told.iter().any(|t| warning.contains(t)));
        news.map(|warning| about(warning)).collect::<BTreeSet<_>>().len() as u64
    }
}

/// What a warning is about: its archive, where it names one, else itself.
fn about(warning: &str) -> &str {
    let unit = warning.split_whitespace().find_map(|word| word.strip_prefix("unit="));
    unit.map_or(warning, |unit| unit.trim_matches('"'))
}

/// What a line of a log warns of: `2025-01-01T00:00:00.000000Z  WARN what it says`.
fn warning(line: &str) -> Option<&str> {
    let (time, rest) = line.split_once(char::is_whitespace)?;
    let (level, text) = rest.trim_start().split_once(' ')?;
    (time.ends_with('Z') && ["WARN", "ERROR"].contains(&level)).then(|| text.trim())
}

impl Starter<'_> {
    /// Whether no new work is to be started.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.late()
    }

    fn late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Runs a job until it is done, or fails for good. `batch` is 0 for jobs without batches.
    pub(crate) fn run(&self, stage: &str, batch: u32, args: &[String]) -> anyhow::Result<Ended> {
        let start = Instant::now();
        let mut attempt = 1;
        loop {
            let mut ended = self.once(stage, batch, args)?;
            ended.attempts = attempt;
            ended.took = start.elapsed();
            let wait = match first_wait(ended.exit) {
                Some(wait) if attempt < self.attempts && !self.stopped() => {
                    let whole = wait.saturating_mul(1 << (attempt - 1).min(8)).min(LONGEST_WAIT);
                    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
                }
                _ => return Ok(ended),
            };
            self.board.log(&format!(
                "{stage}: {}; attempt {} of {} in {:.1} s",
                ended.message,
                attempt + 1,
                self.attempts,
                wait.as_secs_f64()
            ));
            let until = Instant::now() + wait;
            while Instant::now() < until && !self.stopped() {
                thread::sleep(Duration::from_millis(20));
            }
            attempt += 1;
        }
    }

    fn once(&self, stage: &str, batch: u32, args: &[String]) -> anyhow::Result<Ended> {
        let mut child = self.spawn(stage, args)?;
        let stdout = child.stdout.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).map(|_| text)
            })
        });
        let stderr = child.stderr.take();
        let (status, kept) = thread::scope(|scope| {
            let listener = scope.spawn(|| {
                stderr.map_or_else(VecDeque::new, |pipe| self.listen(stage, batch, pipe))
            });
            let status = self.wait(&mut child);
            (status, listener.join().unwrap_or_default())
        });
        let status = status.with_context(|| format!("cannot wait for {stage}"))?;
        let stdout = stdout.and_then(|t| t.join().ok()?.ok()).unwrap_or_default();
        let (exit, message) = self.judge(stage, status, &kept);
        Ok(Ended { exit, stdout, message, attempts: 1, took: Duration::ZERO })
    }

    fn spawn(&self, stage: &str, args: &[String]) -> anyhow::Result<Child> {
        let program: PathBuf = workspace::program(stage)?;
        let stdin = match self.lock {
            Some(lock) => Stdio::from(lock.try_clone().context("cannot share the run's lock")?),
            None => Stdio::null(),
        };
        let mut command = Command::new(&program);
        #[expect(clippy::disallowed_methods, reason = "a limit that was set by hand holds")]
        let is_limited = std::env::var_os(model::env::TIME_LIMIT).is_some();
        if stage == "bronze" && !is_limited {
            // it ends by itself, and cleanly, where it asks a source page by page
            let left = self.deadline.saturating_duration_since(Instant::now()).as_secs() + 1;
            command.env(model::env::TIME_LIMIT, left.to_string());
        }
        command
            .args(&self.common)
            .args(args)
            .current_dir(workspace::root())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))
    }

    /// Passes on what the child says; keeps its last words.
    fn listen(&self, stage: &str, batch: u32, pipe: impl Read) -> VecDeque<String> {
        let mut kept = VecDeque::new();
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line);
            if let Some(progress) = Progress::parse(&line) {
                self.board.progress(stage, batch, progress);
                continue;
            }
            // what it says of its own failure is shown where the failure is
            if !line.starts_with(&format!("{stage}: ")) && self.heard.hear(&line) {
                self.board.log(&line);
            }
            if kept.len() == KEEP {
                kept.pop_front();
            }
            kept.push_back(line.into_owned());
        }
        kept
    }

    /// Waits for the child's end; ends it when everything is to end. Jobs may be killed at any
    /// moment, so this is safe.
    fn wait(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.stopped() {
                child.kill()?;
                return child.wait();
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(25));
        }
    }

    fn judge(&self, stage: &str, status: ExitStatus, kept: &VecDeque<String>) -> (Exit, String) {
        let Some(code) = status.code() else {
            let message = if self.stop.load(Ordering::Relaxed) {
                "stopped".to_owned()
            } else if self.late() {
                "stopped: the run's time is over (limits.run.timeout_seconds)".to_owned()
            } else {
                format!("{stage} was killed ({status}); out of memory?")
            };
            return (Exit::Failed, message);
        };
        let exit = Exit::of_code(code).unwrap_or(Exit::Failed);
        if exit == Exit::Done {
            return (exit, String::new());
        }
        (exit, message(stage, code, exit, kept))
    }
}

/// What a child said of its failure: the line it marked with its name that is not advice, with
/// the list that a colon at its end announces; else its last line.
fn message(stage: &str, code: i32, exit: Exit, kept: &VecDeque<String>) -> String {
    let mark = format!("{stage}: ");
    let marked = |line: &&str| line.starts_with(&mark);
    let lines: Vec<&str> = kept.iter().map(String::as_str).collect();
    let said = |line: &&str| line.strip_prefix(&mark).is_some_and(|text| text != exit.advice());
    let Some(at) = lines.iter().rposition(said) else {
        let last = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        return last.map_or_else(|| format!("exit code {code}"), ToOwned::to_owned);
    };
    let mut text = lines[at][mark.len()..].to_owned();
    if text.ends_with(':') {
        let list: Vec<&str> = lines[at + 1..]
            .iter()
            .take_while(|line| !marked(line))
            .map(|line| line.trim())
            .filter(|line| !line.is_empty())
            .take(LISTED)
            .collect();
        text = format!("{text} {}", list.join("; "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_the_jobs_own_words() {
        let check = |lines: &[&str], expect: &str| {
            let kept = lines.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(message("plan", 3, Exit::SourceUnavailable, &kept), expect);
        };
        check(&[], "exit code 3");
        check(&["thread panicked", ""], "thread panicked");
        check(
            &[
                "INFO x",
                "plan: no answer",
                "plan: the source does not answer, or refuses: run again later",
            ],
            "no answer",
        );
        check(
            &[
                "plan: 2 do not answer:",
                "  a: reset",
                "  b: 503",
                "plan: the source does not answer, or refuses: run again later",
            ],
            "2 do not answer: a: reset; b: 503",
        );
    }

    #[test]
    fn a_warning_is_heard_once() {
        let heard = Heard::default();
        let at = |second: u32, text: &str| format!("2025-01-01T00:00:{second:02}.000001Z {text}");
        assert!(heard.hear(&at(1, " WARN not as it should be unit=a status=corrupt")));
        assert!(!heard.hear(&at(2, " WARN not as it should be unit=a status=corrupt")));
        assert!(heard.hear(&at(3, " WARN not as it should be unit=b status=corrupt")));
        assert!(heard.hear(&at(3, "ERROR something else")));
        assert!(heard.hear(&at(3, " WARN left out unit=\"b\" reason=x")), "news of an archive");
        for _ in 0..2 {
            assert!(heard.hear(&at(4, " INFO fetched")), "what is no warning is always news");
            assert!(heard.hear("  a: reset") && heard.hear(""));
        }
        assert_eq!(heard.warnings_but(&[]), 3);
        assert_eq!(heard.warnings_but(&["something else".to_owned()]), 2);
        assert!(heard.has("should be unit=b") && !heard.has("fetched"));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for exit in [Exit::Done, Exit::Failed, Exit::Usage, Exit::DataRefused] {
            assert!(first_wait(exit).is_none(), "{exit:?}");
        }
        assert!(first_wait(Exit::LostRace) < first_wait(Exit::SourceUnavailable));
    }
}
