//! HistData.com: yearly and monthly files of forex bars and ticks, which a person has downloaded into
//! a folder. Their clock is local, and which clock it is changes with the year: it is configured and
//! verified for each file, never guessed.
//!
//! | module | what lives there |
//! |---|---|
//! | [`names`] | the names of zips, members and gap reports |
//! | [`mod@line`] | one line: a local stamp and exact prices |
//! | [`rule`] | what clock a file is written in, as configured: from a local stamp to UTC |
//! | [`zone`] | the first pass over a file's stamps: does the clock keep to the rule |
//! | [`week`] | what the open and the close of one week of trading tell of the clock |
//! | [`overlap`] | hours that a file holds twice: copied, or lived twice |
//! | [`findings`] | what the first pass found, as data and in words |
//! | [`instants`] | the second pass: the UTC instant and the flags of each line |
//! | [`report`] | the provider's own report of gaps, and how it compares with the stamps |
//! | `span` | which of the lake's units a file has lines of |
//! | `form` | the forms of bars and ticks whose instants are known |
//! | `places` | the place of a tick among those of its millisecond |
//! | `translate` | from the lines of a file to those of a unit's form |
//! | `folder` | what lies in the folder of dropped files |
//! | `provider` | all of it as a provider |
//!
//! Nothing here opens a zip or a file: the caller hands over names, lines and stamps.

pub mod findings;
mod folder;
mod form;
pub mod instants;
pub mod line;
pub mod names;
pub mod overlap;
mod places;
mod provider;
pub mod report;
pub mod rule;
mod span;
mod translate;
pub mod week;
pub mod zone;

pub use provider::{HistData, NAME};
