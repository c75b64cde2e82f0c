//! What there is of one archive: in the lake, with the source, or not. What is made of it is chosen in
//! [`crate::choose`].

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use model::config::{Section, Series};
use model::etag::same_etag;
use model::fragment::ArchiveStatus;
use model::ledger::{Ledger, LedgerRow};
use model::plan::{Origin, PlannedUnit};
use model::{Day, Period, RawArchive, Unit, UnitId, layout};
use source::offer::{Checksum, Listed, Offer, unit};
use source::{Provider, Takes};

use crate::restated::Restated;
use crate::{again, gaps};

/// The ledger, with what silver could not read.
#[derive(Debug)]
pub struct Known<'a> {
    pub(crate) ledger: &'a Ledger,
    corrupt: HashSet<(&'a UnitId, &'a str)>,
    /// Units that silver has rows of.
    pub(crate) built: HashSet<&'a UnitId>,
    /// Those of them whose archives have been spoiled since.
    spoiled: HashSet<&'a UnitId>,
    /// Those of them of which a newer version was fetched and never built, with the version that silver
    /// has.
    replaced: HashMap<&'a UnitId, &'a RawArchive>,
}

impl<'a> Known<'a> {
    /// Takes a ledger.
    pub fn new(ledger: &'a Ledger) -> Self {
        let corrupt = ledger
            .builds
            .values()
            .flat_map(|build| build.corrupt.iter().map(|(unit, sha256)| (unit, sha256.as_str())))
            .collect();
        let built = ledger
            .builds
            .values()
            .flat_map(|build| build.units.iter().filter(|unit| !build.corrupt.contains_key(unit)))
            .collect();
        let spoiled = ledger.builds.values().flat_map(|build| &build.spoiled).collect();
        let replaced = ledger.builds.values().flat_map(|build| &build.replaced).collect();
        Self { ledger, corrupt, built, spoiled, replaced }
    }

    /// The version of a unit that silver has rows of; `held` is the newest readable one.
    pub(crate) fn before(&self, unit: &UnitId, held: Option<&RawArchive>) -> Option<RawArchive> {
        let built = held.filter(|_| self.built.contains(unit));
        let before = self.replaced.get(unit).copied().or(built);
        // what an API said before the archive was there is compared with it by silver's tails
        before.filter(|before| !is_tail(before)).cloned()
    }
}

/// What the choice depends on beside offer and ledger.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The day, UTC.
    pub today: Day,
    /// The time, UTC.
    pub now: DateTime<Utc>,
    /// Whether archives that failed before are tried again though they have not changed.
    pub retry_bad: bool,
}

/// The way to what a source offers.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The provider.
    pub provider: &'static dyn Provider,
    /// The source's section of the configuration.
    pub section: &'a Section,
}

/// What there is of one archive.
#[derive(Debug, Clone)]
pub(crate) enum State<'a> {
    /// In the lake, readable and not published anew.
    Held(Box<PlannedUnit>),
    /// Listed, and new or changed.
    Fetch {
        listed: &'a Listed,
        /// The readable version that is in the lake.
        had: Option<RawArchive>,
        /// Whether it was fetched before and has been published anew.
        again: bool,
        /// Whether silver has rows of it whose archive has been spoiled.
        mends: bool,
    },
    /// Spoiled, not to be asked for now, and silver has rows of it.
    Spoiled,
    /// Listed, failed before, and unchanged since.
    Bad,
    /// Neither listed nor held.
    Nothing,
}

/// Whether a raw object is a tail, and no archive.
fn is_tail(archive: &RawArchive) -> bool {
    layout::tail_until(&archive.object).is_some()
}

impl State<'_> {
    /// What the API said of a day, where silver has that and no archive of it.
    pub(crate) fn tail(&self) -> Option<&RawArchive> {
        let held = match self {
            Self::Held(unit) => match &unit.archive {
                Origin::Held(archive) => Some(archive),
                Origin::Fetch(_) => None,
            },
            Self::Fetch { had, .. } => had.as_ref(),
            _ => None,
        };
        held.filter(|archive| is_tail(archive))
    }

    /// Whether there is no archive of it, neither here nor with the source: at most what the API says.
    pub(crate) fn has_no_archive(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Held(_) => self.tail().is_some(),
            Self::Fetch { listed, .. } => listed.until.is_some(),
            Self::Bad | Self::Spoiled => false,
        }
    }

    /// Whether an archive of it is in the group in any case. A tail is there only until something has
    /// its days.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_in() && self.tail().is_none()
    }

    /// Whether the group has it in any case.
    pub(crate) const fn is_in(&self) -> bool {
        matches!(
            self,
            Self::Held(_) | Self::Fetch { had: Some(_), .. } | Self::Fetch { mends: true, .. }
        )
    }
}

/// Whether the source has published an archive anew since a row was written.
pub(crate) fn changed(row: &LedgerRow, listed: &Listed) -> bool {
    let held_bytes = row.archive.as_ref().map(|archive| archive.bytes);
    let archive_changed = match (&row.etag, &listed.etag, row.last_modified, listed.modified) {
        (Some(held), Some(listed), ..) => !same_etag(held, listed),
        // headers tell seconds, listings may tell more
        (.., Some(held), Some(listed)) => held.timestamp() != listed.timestamp(),
        _ => held_bytes.zip(listed.bytes).is_some_and(|(held, listed)| held != listed),
    };
    let checksum_changed = match (listed.checksum, row.checksum_modified) {
        (Checksum::Listed(Some(now)), Some(held)) => now.timestamp() != held.timestamp(),
        // a row of a former version, or of a source that did not tell
        (Checksum::Listed(Some(now)), None) => now > row.fetched_at,
        (Checksum::Listed(None) | Checksum::Absent | Checksum::Unknown, _) => false,
    };
    archive_changed || checksum_changed
}

/// What is to be done about a unit that is a tail, or was one.
enum Tail<'a> {
    /// To be fetched as it is listed, where this version is held.
    Fetch(&'a Listed, Option<RawArchive>),
    /// It is there.
    Held(RawArchive),
}

/// All that is known of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) series: &'a Series,
    pub(crate) offer: &'a Offer,
    pub(crate) known: &'a Known<'a>,
    pub(crate) rules: &'a Rules,
    pub(crate) way: &'a Way<'a>,
    /// What has changed all past of the series.
    pub(crate) restated: Option<Restated>,
}

impl<'a> View<'a> {
    /// What there is of the archive of `period`.
    pub(crate) fn state(&self, period: Period) -> State<'a> {
        let unit = unit(self.series, period);
        let id = unit.id();
        let row = self.known.ledger.archives.get(&id);
        let listed = self.offer.archives.get(&period).filter(|_| self.may_be_had(period));
        let readable =
            |archive: &&RawArchive| !self.known.corrupt.contains(&(&id, archive.sha256.as_str()));
        let latest = row
            .and_then(|row| row.archive.as_ref().filter(|_| row.status.is_usable()))
            .filter(readable);
        // a version that was spoiled later still serves
        let held = latest.or(row.and_then(|row| row.usable.as_ref()).filter(readable)).cloned();
        let fetch = |listed, had, again| State::Fetch { listed, had, again, mends: false };
        if let Some(row) = row
            && latest.is_none()
            && self.known.spoiled.contains(&id)
        {
            return self.spoiled(row, listed);
        }
        match Self::of_tail(row, listed, latest, held.as_ref()) {
            Some(Tail::Fetch(listed, had)) => return fetch(listed, had, false),
            Some(Tail::Held(archive)) => return self.held(unit, archive),
            None => {}
        }
        match (row, listed, held) {
            (None, Some(listed), had) => fetch(listed, had, false),
            (Some(row), Some(listed), had) if changed(row, listed) => fetch(listed, had, true),
            (Some(_), Some(listed), had) if latest.is_none() && self.rules.retry_bad => {
                fetch(listed, had, false)
            }
            (Some(row), Some(listed), had) if again::is_due(row, listed, self.rules.now) => {
                fetch(listed, had, false)
            }
            (Some(row), Some(listed), had)
                if latest.is_some()
                    && self.way.provider.takes() == Takes::Api
                    && (self.is_restated(row)
                        || again::is_young(row, period, self.recheck_days(), self.rules.now)) =>
            {
                fetch(listed, had, false)
            }
            (_, _, Some(archive)) => self.held(unit, archive),
            (Some(_), Some(_), None) => State::Bad,
            (_, None, None) => State::Nothing,
        }
    }

    /// Whether a unit was asked for before all past of its series changed.
    fn is_restated(&self, row: &LedgerRow) -> bool {
        self.restated.is_some_and(|restated| restated.is_of(row))
    }

    /// What is said of units that are asked for anew because of that.
    pub(crate) fn restated_words(&self) -> Option<String> {
        let row =
            |period: &Period| self.known.ledger.archives.get(&unit(self.series, *period).id());
        let rows = self.offer.archives.keys().filter_map(row);
        let count = rows.filter(|row| self.is_restated(row)).count();
        let restated = self.restated.filter(|_| count > 0)?;
        Some(restated.words(self.series, count))
    }

    /// For how many days after its end a period is asked for again.
    fn recheck_days(&self) -> u32 {
        let series = self.series;
        self.way.section.recheck_of(series.market, &series.symbol, series.dataset).days
    }

    /// Whether a period that is offered can be had now. What a source tells of now alone is had today
    /// or never, is not asked for more often than configured, and not while the venue rests.
    fn may_be_had(&self, period: Period) -> bool {
        let series = self.series;
        if !series.dataset.tells_now() {
            return true;
        }
        let (today, Way { provider, section }) = (self.rules.today, *self.way);
        if period != Period::Day(today)
            || gaps::is_closed(series, provider.calendar(series.market), today)
        {
            return false;
        }
        let every = section.every(series.market, &series.symbol, series.dataset);
        // whatever came of it: who has nothing of a company today has hardly more of it tomorrow
        let is_known = |day| {
            let id = unit(series, Period::Day(day)).id();
            self.known.ledger.archives.contains_key(&id)
        };
        // today's too: an answer of the morning is not asked for again in the evening, in case of corrections
        !(0..every).any(|days| is_known(today.minus(days)))
    }

    fn held(&self, unit: Unit, archive: RawArchive) -> State<'a> {
        let keeps = self.known.built.contains(&unit.id());
        // what silver has been built from need not be compared with itself
        let before = self.known.before(&unit.id(), None);
        let archive = Origin::Held(archive);
        State::Held(Box::new(PlannedUnit { unit, archive, keeps, before }))
    }

    /// What is to be done about a unit whose archive is not there yet, or has just come; `None` where
    /// the usual rules hold. `latest` is the newest version that is held, `held` the last readable one.
    fn of_tail(
        row: Option<&LedgerRow>,
        listed: Option<&'a Listed>,
        latest: Option<&RawArchive>,
        held: Option<&RawArchive>,
    ) -> Option<Tail<'a>> {
        let listed = listed?;
        let Some(until) = listed.until else {
            // the archive replaces what was there before it
            let tail = latest.filter(|latest| is_tail(latest))?;
            return Some(Tail::Fetch(listed, Some(tail.clone())));
        };
        let Some(held) = held else {
            // what nobody knows is not asked for every minute
            let is_unknown = row.is_some_and(|row| row.status == ArchiveStatus::Missing);
            return (!is_unknown).then_some(Tail::Fetch(listed, None));
        };
        Some(match layout::tail_until(&held.object) {
            Some(told) if told < until => Tail::Fetch(listed, Some(held.clone())),
            // all that is asked for is there, or an archive that the source does not list any more
            _ => Tail::Held(held.clone()),
        })
    }

    /// What there is of an archive whose bytes were spoiled after silver had read them: an older
    /// version that is held would undo what silver has.
    fn spoiled(&self, row: &LedgerRow, listed: Option<&'a Listed>) -> State<'a> {
        let Some(listed) = listed else { return State::Spoiled };
        let again = changed(row, listed);
        if again || self.rules.retry_bad || again::is_due_to_be_mended(row, self.rules.now) {
            State::Fetch { listed, had: None, again, mends: true }
        } else {
            State::Spoiled
        }
    }
}
