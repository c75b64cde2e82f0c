//! Why a unit that is asked for has no definite outcome: what stopped it, for whoever ends the run.

use source::ask::Unavailable;
use source::limits::BudgetSpent;
use stage::budget::NoCredit;
use store::StoreError;

use crate::download::DownloadError;

/// Why there is no definite outcome of a unit.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The source did not give it inside the limits, or refuses it: try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// What may be asked today was asked, or the source wants to be left alone.
    #[error(transparent)]
    Spent(BudgetSpent),
    /// Nothing is to be reserved, for another reason.
    #[error(transparent)]
    NoCredit(NoCredit),
    /// It was to be asked for on a day that is over, and an answer tells of now.
    #[error("its day is over, and an answer tells of now alone")]
    Over,
    /// The time of the job is nearly over: what is left is for others to ask.
    #[error("the time of the job is nearly over")]
    Late,
    /// The lake cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DownloadError> for AskError {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Unavailable(error) => Self::Unavailable(error),
            DownloadError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NoCredit> for AskError {
    fn from(error: NoCredit) -> Self {
        match error {
            NoCredit::Spent(spent) => Self::Spent(spent),
            NoCredit::Store(error) => Self::Store(error),
            other => Self::NoCredit(other),
        }
    }
}
