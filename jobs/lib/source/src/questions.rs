//! Units that are asked for page by page: what is asked next, what an answer means, and how the
//! answers that were kept become the lines that silver reads.
//!
//! Bronze asks and keeps every answer as received; silver reads the kept ones by the same
//! [`Inquiry`], so that what a page means is written once, and a mended reader needs no new credits.

mod kept;
mod once;

use std::fmt;

use chrono::{DateTime, Utc};
use model::{Dataset, Market, Unit};

pub use kept::{BadKept, Envelope, HEADERS, MOST_ANSWERS, MOST_BYTES, pack, unpack, unpack_whole};
pub(crate) use once::Once;

use crate::limits::{Limits, Window};
use crate::rest::{Answer, Key, Refusal, Request, Unaskable, Why};

/// How a provider is asked for units.
pub trait Questions: fmt::Debug + Send + Sync {
    /// What its free plan allows.
    fn free(&self) -> Limits;

    /// What the host allows without a key that is asked for a market's tail.
    fn free_of_tail(&self, _market: Market) -> Limits {
        self.free()
    }

    /// Whether one answer may hold what more than its unit asks for: they are asked for in a row.
    fn shares_answers(&self) -> bool {
        false
    }

    /// What one question for a dataset costs at most.
    fn credits(&self, _dataset: Dataset) -> u32 {
        1
    }

    /// Begins to ask for a unit; for its tail up to `until`, where its archive is not there yet.
    ///
    /// # Errors
    /// [`Unaskable`] for what the provider cannot be asked for.
    fn inquire(
        &self,
        unit: &Unit,
        until: Option<DateTime<Utc>>,
        key: &Key,
    ) -> Result<Box<dyn Inquiry>, Unaskable>;

    /// What an answer's headers say of the minute's credits, used and left; `header` gives one's value
    /// by its name in small letters.
    fn told(&self, _header: &dyn Fn(&str) -> Option<u32>) -> Option<(u32, u32)> {
        None
    }
}

/// A unit that is being asked for.
pub trait Inquiry: Send {
    /// What to ask next; `None` where all of it is there.
    ///
    /// # Errors
    /// [`Unaskable`] for what the provider cannot be asked for.
    fn question(&self) -> Result<Option<Question>, Unaskable>;

    /// Takes the answer to the question.
    ///
    /// # Errors
    /// The [`Refusal`] that the answer is; the question then still is the same.
    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal>;

    /// Of a unit that grows from one time of asking to the next: up to which instant all answers taken so
    /// far tell it. They are worth having though there is more to come, and none but the last of them
    /// would be another if it were asked for again. `None` of a unit that is asked for whole.
    fn grown_to(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The request.
    pub request: Request,
    /// What it costs.
    pub credits: u32,
}

/// What an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Lines of the unit's form, each ended by LF.
    pub lines: String,
    /// What is worth telling of the answer; empty for nothing.
    pub notes: String,
}

/// An answer that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its status.
    pub status: u16,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its bytes, as received.
    pub body: Vec<u8>,
}

impl Received {
    /// The answer.
    pub fn answer(&self) -> Answer<'_> {
        Answer { status: self.status, content_type: self.content_type.as_deref(), body: &self.body }
    }
}

/// Kept answers that are not those of their unit.
#[derive(Debug, thiserror::Error)]
pub enum BadAnswers {
    /// One is no answer to its question.
    #[error("answer {number} is not what was asked for")]
    Answer {
        /// Its number, from 1.
        number: usize,
        /// Why.
        source: Refusal,
    },
    /// There are too few or too many.
    #[error("{found} answers, expected {}", if *.more { "more: the last one says that there is more" } else { "fewer: all that was asked for is there before" })]
    Count {
        /// Answers found.
        found: usize,
        /// Whether there should be more.
        more: bool,
    },
    /// Nobody could have asked for it.
    #[error("the unit cannot be asked for")]
    Unaskable(#[from] Unaskable),
}

/// The lines of a unit, or of its tail up to `until`, from the answers that were kept.
///
/// # Errors
/// [`BadAnswers`] where they are not all the answers of the unit.
pub fn lines(
    questions: &dyn Questions,
    unit: &Unit,
    until: Option<DateTime<Utc>>,
    kept: &[Received],
) -> Result<String, BadAnswers> {
    // who reads what was answered needs no key
    let mut inquiry = questions.inquire(unit, until, &Key::absent())?;
    let mut lines = String::new();
    for (at, received) in kept.iter().enumerate() {
        if inquiry.question()?.is_none() {
            return Err(BadAnswers::Count { found: kept.len(), more: false });
        }
        let page = inquiry
            .take(&received.answer())
            .map_err(|source| BadAnswers::Answer { number: at + 1, source })?;
        lines.push_str(&page.lines);
    }
    if inquiry.question()?.is_some() {
        return Err(BadAnswers::Count { found: kept.len(), more: true });
    }
    Ok(lines)
}

/// How the raw object of a unit is called that is asked for: a zip of its answers.
pub fn file_name(unit: &Unit) -> String {
    let timeframe = unit.timeframe.map_or_else(String::new, |timeframe| format!("-{timeframe}"));
    format!("{}{timeframe}-{}.zip", unit.symbol, unit.period)
}

/// What to do with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A window is used up: wait for the next one, then ask again.
    Wait(Window),
    /// Ask again, with the usual patience between tries.
    Again,
    /// There is nothing to be had of the unit.
    Nothing,
    /// Nothing is known of the unit: somebody must change the request, the key or the plan.
    Stop,
}

impl Next {
    /// What to do where an answer is refused for this reason.
    pub const fn of(why: Why) -> Self {
        match why {
            Why::BurstLimit => Self::Wait(Window::Second),
            Why::MinuteLimit => Self::Wait(Window::Minute),
            Why::DayLimit => Self::Wait(Window::Day),
            Why::Cut | Why::ServerTrouble | Why::Page => Self::Again,
            Why::NoData | Why::NoSuchSymbol => Self::Nothing,
            Why::BadKey
            | Why::DemoKey
            | Why::PremiumOnly
            | Why::BadRequest
            | Why::BatchTooLong
            | Why::Artificial
            | Why::NotUnderstood => Self::Stop,
        }
    }
}
