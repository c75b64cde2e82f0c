//! Why a day without a row has none.

use model::fragment::ArchiveStatus;

use super::known::ArchiveFacts;
use super::words::{in_words, kind_of, missing};
use super::{Reason, Status, View};

impl View<'_> {
    /// Why a day without a row has none.
    pub(super) fn without_rows(&self) -> (Status, Reason) {
        let archive = self.archive();
        if let Some(archive) = archive {
            match archive.status {
                status if status.is_usable() => return self.nothing_in_it(),
                ArchiveStatus::Missing => {}
                status => {
                    let reason = match archive.detail.as_deref() {
                        Some(detail) => format!("{}: {detail}", in_words(status)),
                        None => in_words(status).to_owned(),
                    };
                    return (Status::Corrupt, (kind_of(status), reason));
                }
            }
        }
        if self.series.dataset.tells_now() {
            // nobody can be asked any more what he knew on that day
            let text = "asked on this day, the source knew nothing of it".to_owned();
            return (Status::Missing, ("not known to the source", text));
        }
        if self.is_closed == Ok(true) {
            return self.closed();
        }
        if self.today < self.due {
            let text = format!("its archive may come out until {}", self.due);
            return (Status::Pending, ("not out yet", text));
        }
        let reason = if let Some(archive) = archive {
            missing(archive.detail.as_deref())
        } else if self.is_absent {
            ("not listed", "the source does not list it".to_owned())
        } else {
            ("not fetched", "no archive of it has been fetched".to_owned())
        };
        (Status::Missing, reason)
    }

    /// An archive can be used, and there is no row of the day.
    fn nothing_in_it(&self) -> (Status, Reason) {
        if self.rejected > 0 {
            let text = "no row could be taken; lines of its archives that were rejected";
            return (
                Status::Degraded,
                ("with rejected lines", format!("{text}: {}", self.rejected)),
            );
        }
        if self.is_closed == Ok(true) {
            return self.closed();
        }
        // its batch failed, or its month is held back: nobody can tell what is in it
        if !self.archives.iter().any(|archive| archive.is_built) {
            let text = "its archive is held, and silver was not built from it";
            return (Status::Missing, ("not built", text.to_owned()));
        }
        let is_read = |archive: &ArchiveFacts| archive.status.is_usable() && archive.is_built;
        let (kind, text) = if self.own.is_some_and(is_read) {
            ("with an empty archive", "the archive holds no row")
        } else {
            ("without a row", "its archive holds no row of this day")
        };
        if self.series.dataset.tells_now() {
            let text = "asked on this day, the source knew of none".to_owned();
            return (Status::Available, ("none of it", text));
        }
        if self.ids_go_on {
            let text = format!("{text}, and no id is missing: nothing was traded");
            return (Status::Available, ("no trade", text));
        }
        (Status::Degraded, (kind, text.to_owned()))
    }

    /// A day on which the venue is closed.
    fn closed(&self) -> (Status, Reason) {
        (Status::Closed, ("closed", format!("closed all day by calendar {}", self.calendar)))
    }

    /// Why nobody can tell what there should be.
    pub(super) fn outside(&self) -> Option<Reason> {
        let outside = self.is_closed.as_ref().err()?;
        Some(("outside of its calendar", outside.to_string()))
    }
}
