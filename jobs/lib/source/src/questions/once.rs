//! A unit that one answer tells whole: what a source knows on the day on which it is asked.

use super::{Inquiry, Page, Question};
use crate::rest::{Answer, Refusal, Unaskable};

/// The one question, and what its answer means.
pub(crate) struct Once<F> {
    /// `None` once it was answered.
    question: Option<Question>,
    read: F,
}

impl<F: Fn(&Answer<'_>) -> Result<String, Refusal> + Send> Once<F> {
    /// A question whose answer `read` makes lines of.
    pub(crate) const fn new(question: Question, read: F) -> Self {
        Self { question: Some(question), read }
    }
}

impl<F: Fn(&Answer<'_>) -> Result<String, Refusal> + Send> Inquiry for Once<F> {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        Ok(self.question.clone())
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        if self.question.is_none() {
            return Ok(Page::default());
        }
        let lines = (self.read)(answer)?;
        self.question = None;
        Ok(Page { lines, notes: String::new() })
    }
}
