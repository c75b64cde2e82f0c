//! Shows how far a run is, on standard error: bars on a terminal; elsewhere a line when a stage
//! begins or ends and, in between, one every few seconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use model::progress::Progress;

use crate::human;

/// Time between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// Shows how far a run is.
#[derive(Debug)]
pub(crate) struct Board {
    bars: Option<MultiProgress>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stages: Vec<Stage>,
    last_line: Instant,
}

#[derive(Debug)]
struct Stage {
    name: String,
    noun: &'static str,
    total: u64,
    started: Instant,
    /// The latest word of each batch.
    batches: BTreeMap<u32, Progress>,
    bar: Option<ProgressBar>,
}

impl Stage {
    /// The sum over the batches.
    fn sum(&self) -> Progress {
        let mut sum = Progress { total: self.total, ..Progress::default() };
        for progress in self.batches.values() {
            sum.done += progress.done;
            sum.bytes += progress.bytes;
            sum.rows += progress.rows;
            sum.at.clone_from(&progress.at);
        }
        // a stage whose amount the plan does not tell says it itself
        if sum.total == 0 {
            sum.total = self.batches.values().map(|p| p.total).sum();
        }
        sum
    }

    /// `45.1 MiB  3.2 MiB/s  1.2 M rows  300 k rows/s`.
    fn amounts(&self, sum: &Progress) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let mut text = String::new();
        if sum.bytes > 0 {
            let rate = human::bytes((sum.bytes as f64 / seconds) as u64);
            let _ = write!(text, "  {}  {rate}/s", human::bytes(sum.bytes));
        }
        if sum.rows > 0 {
            let rate = human::short(sum.rows as f64 / seconds);
            let _ = write!(text, "  {} rows  {rate} rows/s", human::short(sum.rows as f64));
        }
        text
    }

    /// The time left, from the share done.
    fn left(&self, sum: &Progress) -> Option<Duration> {
        let left = sum.total.checked_sub(sum.done).filter(|left| *left > 0 && sum.done > 0)?;
        Some(self.started.elapsed().mul_f64(left as f64 / sum.done as f64))
    }

    /// The whole line, for where there are no bars.
    fn line(&self) -> String {
        let sum = self.sum();
        let mut text = format!("{:7}", self.name);
        if sum.total > 0 {
            let total = human::plural(sum.total, self.noun);
            let _ = write!(text, " {} of {total}", human::count(sum.done));
        }
        text.push_str(&self.amounts(&sum));
        if let Some(left) = self.left(&sum) {
            let _ = write!(text, "  {} left", human::span(left));
        }
        text
    }
}

impl Board {
    /// A board for this process's standard error.
    pub(crate) fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        let state = State { stages: Vec::new(), last_line: Instant::now() };
        Self { bars, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line for people; bars stay below it.
    pub(crate) fn log(&self, line: &str) {
        match &self.bars {
            // a terminal that is gone is no reason to stop
            Some(bars) => drop(bars.println(line)),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    /// A stage begins: `total` things called `noun` are to be done, 0 where nobody knows.
    pub(crate) fn begin(&self, name: &str, noun: &'static str, total: u64) {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total));
            bar.set_style(style(total > 0));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        self.state().stages.push(Stage {
            name: name.to_owned(),
            noun,
            total,
            started: Instant::now(),
            batches: BTreeMap::new(),
            bar,
        });
    }

    /// A job of a stage says how far it is.
    pub(crate) fn progress(&self, name: &str, batch: u32, progress: Progress) {
        let mut state = self.state();
        let quiet = state.last_line.elapsed() < PAUSE;
        let Some(stage) = state.stages.iter_mut().find(|s| s.name == name) else { return };
        stage.batches.insert(batch, progress);
        if let Some(bar) = &stage.bar {
            let sum = stage.sum();
            let mut message = stage.amounts(&sum);
            if let Some(left) = stage.left(&sum) {
                let _ = write!(message, "  {} left", human::span(left));
            }
            if sum.total > 0 && stage.total == 0 {
                bar.set_style(style(true));
                bar.set_length(sum.total);
            }
            bar.set_position(sum.done);
            bar.set_message(message);
        } else if !quiet && stage.sum() != Progress::default() {
            let line = stage.line();
            state.last_line = Instant::now();
            drop(state);
            self.log(&line);
        }
    }

    /// A stage ends. Its line stays, with `note` where there is more to say.
    pub(crate) fn end(&self, name: &str, note: &str) {
        let mut state = self.state();
        let Some(index) = state.stages.iter().position(|s| s.name == name) else { return };
        let stage = state.stages.remove(index);
        drop(state);
        let sum = stage.sum();
        let mut line = format!("{:7}", stage.name);
        if sum.total > 0 {
            let _ = write!(line, " {}", human::plural(sum.done, stage.noun));
        }
        line.push_str(&stage.amounts(&sum));
        let _ = write!(line, "  in {}", human::span(stage.started.elapsed()));
        if !note.is_empty() {
            let _ = write!(line, "  {note}");
        }
        if let Some(bar) = stage.bar {
            bar.finish_and_clear();
        }
        self.log(&line);
    }
}

fn style(counts: bool) -> ProgressStyle {
    let template = if counts {
        "{prefix:7} {bar:24.cyan} {pos}/{len}{msg}"
    } else {
        "{prefix:7} {spinner} {elapsed}{msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64, bytes: u64, rows: u64) -> Progress {
        Progress { progress: "silver".into(), done, total: 5, bytes, rows, at: String::new() }
    }

    #[test]
    fn batches_add_up_and_repeated_words_do_not() {
        let mut stage = Stage {
            name: "silver".into(),
            noun: "group",
            total: 10,
            started: Instant::now(),
            batches: BTreeMap::new(),
            bar: None,
        };
        stage.batches.insert(1, progress(1, 10, 100));
        stage.batches.insert(2, progress(2, 20, 200));
        stage.batches.insert(1, progress(3, 30, 300));
        let sum = stage.sum();
        assert_eq!((sum.done, sum.total, sum.bytes, sum.rows), (5, 10, 50, 500));
        assert!(stage.line().starts_with("silver  5 of 10 groups"), "{}", stage.line());
        stage.total = 0;
        assert_eq!(stage.sum().total, 10, "what the jobs themselves say");
    }
}
