//! Days that stand as the source's API told them, until their archives are there.

use chrono::{DateTime, Utc};

use super::{DayFacts, Reason, View};

impl View<'_> {
    /// What is said of a day whose archive is not there yet.
    pub(super) fn provisional(&self, facts: &DayFacts) -> Option<Reason> {
        if facts.provisional == 0 {
            return None;
        }
        let until = self
            .until()
            .map_or_else(String::new, |until| format!(" up to {}", until.format("%F %H:%M UTC")));
        let (kind, archive) = if self.due <= self.today {
            ("without its archive", format!("its archive has not come, expected by {}", self.due))
        } else {
            ("not whole yet", "its archive is not there yet".to_owned())
        };
        Some((kind, format!("what the source's API said{until}: {archive}")))
    }

    /// Up to which instant the API has told the day, as far as the ledger knows.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.own.and_then(|own| own.until)
    }
}
