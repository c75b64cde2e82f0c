//! The answers of one unit as they come in, and how a unit ends of which no more can be had for now: one
//! that grows with what it has, up to an instant, and any other not at all.

use chrono::{DateTime, Utc};
use model::layout;
use model::plan::Remote;
use source::questions::{Envelope, MOST_ANSWERS, MOST_BYTES, Received};

use crate::unanswered::AskError;

/// The detail of a unit of which nothing is remarkable.
pub(crate) const ANSWERED_PLAINLY: &str = "answered; there is nothing to compare it with";
/// Characters of notes that a fragment keeps.
const NOTES: usize = 500;

/// What was collected of a unit.
pub(crate) struct Collected {
    answers: Vec<(Envelope, Received)>,
    notes: Vec<String>,
    bytes: u64,
    grown: Option<Grown>,
}

/// How far a unit has grown.
struct Grown {
    /// Up to which instant it was told before.
    from: DateTime<Utc>,
    /// Up to which instant it is told now.
    to: DateTime<Utc>,
    /// How many of its answers that takes.
    by: usize,
}

impl Collected {
    /// Nothing yet of a unit that is asked for at `remote`; one that grows is told up to `grown_to`.
    pub(crate) fn of(remote: &Remote, grown_to: Option<DateTime<Utc>>) -> Self {
        let held = remote.held.as_ref().and_then(|held| layout::tail_until(&held.object));
        let grown = grown_to.map(|to| Grown { from: held.unwrap_or(to), to, by: 0 });
        Self { answers: Vec::new(), notes: Vec::new(), bytes: 0, grown }
    }

    /// How many answers there are, and the last one.
    pub(crate) fn last(&self) -> Option<(usize, &(Envelope, Received))> {
        self.answers.last().map(|last| (self.answers.len(), last))
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// In words: there are more than one raw object holds.
    pub(crate) fn add(
        &mut self,
        (envelope, received): (Envelope, Received),
        note: String,
        grown_to: Option<DateTime<Utc>>,
    ) -> Result<(), String> {
        self.bytes += received.body.len() as u64;
        if self.bytes > MOST_BYTES {
            return Err(format!("more than {MOST_BYTES} bytes of answers"));
        }
        if self.answers.len() >= MOST_ANSWERS {
            return Err(format!("more than {MOST_ANSWERS} answers"));
        }
        if !note.is_empty() {
            self.notes.push(note);
        }
        self.answers.push((envelope, received));
        let more = self.grown.as_mut().zip(grown_to).filter(|(grown, to)| grown.to < *to);
        if let Some((grown, to)) = more {
            (grown.to, grown.by) = (to, self.answers.len());
        }
        Ok(())
    }

    /// Ends a unit that has grown where no more of it can be had for now. Says up to which instant it is
    /// told.
    ///
    /// # Errors
    /// Why there is no more, of a unit that has not grown.
    pub(crate) fn end_early(&mut self, why: AskError) -> Result<DateTime<Utc>, AskError> {
        if matches!(why, AskError::Store(_) | AskError::Over) {
            return Err(why);
        }
        let Some(grown) = self.grown.as_ref().filter(|grown| grown.from < grown.to) else {
            return Err(why);
        };
        // what came after it tells of the same instant, and is asked for again
        self.answers.truncate(grown.by);
        let to = grown.to;
        self.notes.insert(0, format!("told up to {} only: {why}", to.format("%F %T%.6f UTC")));
        Ok(to)
    }

    /// The answers, and what is worth telling of them.
    pub(crate) fn finish(self) -> (Vec<(Envelope, Received)>, String) {
        let notes: String = self.notes.join("; ").chars().take(NOTES).collect();
        let notes = if notes.is_empty() { ANSWERED_PLAINLY.to_owned() } else { notes };
        (self.answers, notes)
    }
}
