//! The answers of a unit that is not whole yet. They are kept as they come, so that whoever goes on after a
//! budget that ended, a time limit or a crash spends no credit on them again. Once the unit is whole
//! nobody reads them any more; `commit maintain` deletes what is old. Those of a unit that grows are in the
//! version of it that is held.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use model::plan::Remote;
use model::unit::Unit;
use model::{RawArchive, layout};
use source::questions::{Envelope, Received, pack, unpack_whole};
use store::{Lake, StoreError, blocking};

/// Older answers are asked for again: what a unit says should be of about one time.
const OLDEST: TimeDelta = TimeDelta::days(3);

/// The kept answers of a unit.
pub(crate) struct Pages<'a> {
    lake: &'a Lake,
    unit: &'a Unit,
    /// What tells this time of asking from others: the version that is held, and when it came.
    asking: String,
    oldest: DateTime<Utc>,
    /// Those of the held version that are the same for ever.
    grown: VecDeque<(Envelope, Received)>,
    /// How many there were.
    found: usize,
    is_at_end: bool,
}

impl<'a> Pages<'a> {
    /// Those of a unit that is asked for now.
    pub(crate) fn of(lake: &'a Lake, unit: &'a Unit, remote: &Remote, now: DateTime<Utc>) -> Self {
        let held = remote.held.as_ref();
        let asking =
            held.map(|held| format!("{} {}", held.sha256, held.fetched_at.timestamp_micros()));
        let asking = asking.unwrap_or_default();
        let (oldest, grown) = (now - OLDEST, VecDeque::new());
        Self { lake, unit, asking, oldest, grown, found: 0, is_at_end: false }
    }

    /// Begins with the answers of the tail that is held: all but the last, which may have been asked for
    /// before it was full. Where they are gone all is asked for anew.
    pub(crate) async fn grow_from(&mut self, held: &RawArchive) -> Result<(), StoreError> {
        if layout::tail_until(&held.object).is_none() {
            return Ok(());
        }
        let object = match self.lake.read(&held.object).await {
            Err(error) if error.is_not_found() => return Ok(()),
            object => object?,
        };
        let answers = blocking(move || unpack_whole(&object)).await;
        let mut answers = answers.unwrap_or_else(|error| {
            let object = held.object.as_str();
            tracing::warn!(object, %error, "what was held cannot be read: it is asked for anew");
            Vec::new()
        });
        answers.pop();
        self.grown = answers.into();
        Ok(())
    }

    /// The next answer, where it is kept and one to this question; none after the first that is not.
    pub(crate) async fn next(
        &mut self,
        url: &str,
    ) -> Result<Option<(Envelope, Received)>, StoreError> {
        if self.is_at_end {
            return Ok(None);
        }
        if let Some(page) = self.grown.pop_front() {
            if page.0.request == url {
                self.found += 1;
                return Ok(Some(page));
            }
            self.grown.clear();
        }
        self.is_at_end = true;
        let key = layout::page(self.unit, &self.asking, self.found + 1);
        let object = match self.lake.read(&key).await {
            Err(error) if error.is_not_found() => return Ok(None),
            object => object?,
        };
        let page = unpack_whole(&object).ok().and_then(|pages| pages.into_iter().next());
        let page = page
            .filter(|(envelope, _)| envelope.request == url && envelope.received_at >= self.oldest);
        if page.is_some() {
            self.found += 1;
            self.is_at_end = false;
        }
        Ok(page)
    }

    /// The last answer turned out to be of no use: nothing of it and of those after it is taken.
    pub(crate) const fn forget(&mut self) {
        self.found -= 1;
        self.is_at_end = true;
    }

    /// Keeps the answer of this number, from 1, unless it was found here.
    pub(crate) async fn keep(
        &self,
        number: usize,
        page: &(Envelope, Received),
    ) -> Result<(), StoreError> {
        if number <= self.found {
            return Ok(());
        }
        let key = layout::page(self.unit, &self.asking, number);
        let packed = pack(std::slice::from_ref(page)).map_err(|error| StoreError::File {
            action: "pack an answer into",
            path: key.clone().into(),
            source: std::io::Error::other(error),
        })?;
        self.lake.write(&key, packed).await
    }
}
