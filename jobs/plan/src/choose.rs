//! Which archives of a series to take and what to build of them. Pure: the offer, the ledger
//! and the rules in, groups out.
//!
//! A month of a series at a time. What is held and unchanged costs nothing; of the days that
//! are still needed, a day that only one kind of archive covers decides it, a month that is
//! wanted only in part prefers its days, else the fewer bytes win. What the configuration prefers
//! (`daily`, `monthly`) is fetched though the other kind is held. Groups are closed: whatever is
//! held for a group's partitions is part of it, wanted now or not; where a month and its days
//! disagree, the day's version stays and silver counts the other.

use model::config::{Archives, Series};
use model::instrument::PriceBounds;
use model::partition::Grain;
use model::plan::{Gap, Group, Origin, PlannedUnit, Remote, Replaced};
use model::schema::Table;
use model::{Day, Month, Period, UnitId, partition};
use source::offer::{Listed, Offer, unit};

use crate::gaps::{self, Absent};
use crate::kept_back::KeptBack;
use crate::restated::Restated;
use crate::state::{Known, Rules, State, View, Way};

/// What a request costs beside its bytes, in bytes.
const REQUEST: u64 = 64 << 10;

/// What was chosen of a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// The groups to build, in order of their periods.
    pub groups: Vec<Group>,
    /// Wanted days that the source should have and does not list.
    pub absent: Vec<UnitId>,
    /// Long times of which the source lists nothing.
    pub gaps: Vec<Gap>,
    /// Archives that are held, unchanged and in use.
    pub held: u64,
    /// Archives to fetch.
    pub fetch: u64,
    /// Bytes to fetch.
    pub fetch_bytes: u64,
    /// Of the archives to fetch, those that were fetched before and have been published anew.
    pub republished: u64,
    /// Archives that failed before and have not changed since.
    pub known_bad: u64,
    /// Months that stay as they are though there is something new of them.
    pub kept_back: Vec<KeptBack>,
    /// What else a person should know, in words.
    pub remarks: Vec<String>,
}

struct Chooser<'a> {
    view: View<'a>,
    choice: Choice,
    /// Days that should be there and are not, in order.
    absent: Vec<Day>,
    /// The last wanted day that is there.
    newest: Option<Day>,
    /// Days whose archives stay beside those of months that have taken their place.
    older: Vec<Day>,
}

/// Chooses of one series.
pub fn choose(
    series: &Series,
    offer: &Offer,
    known: &Known<'_>,
    rules: &Rules,
    way: &Way<'_>,
) -> Choice {
    let choice = Choice::default();
    let restated = Restated::of(series, known.ledger, way.provider, rules.today);
    let view = View { series, offer, known, rules, way, restated };
    let mut chooser = Chooser { view, choice, absent: Vec::new(), newest: None, older: Vec::new() };
    for month in series.from.month().to(series.to.month()) {
        chooser.month(month);
    }
    let Chooser { mut choice, absent, newest, older, .. } = chooser;
    choice.remarks.extend(older_words(series, &older));
    choice.remarks.extend(view.restated_words());
    let calendar = way.provider.calendar(series.market);
    let absent = Absent { days: &absent, newest, today: rules.today, calendar };
    let (absent, gaps) = gaps::cut(series, offer, absent);
    choice.absent = absent.into_iter().map(|day| unit(series, Period::Day(day)).id()).collect();
    choice.gaps = gaps;
    choice
}

impl<'a> Chooser<'a> {
    fn month(&mut self, month: Month) {
        let (from, to) = (self.view.series.from, self.view.series.to);
        let monthly = self.view.state(Period::Month(month));
        let days: Vec<(Day, State<'a>)> =
            month.days().map(|day| (day, self.view.state(Period::Day(day)))).collect();
        let bad = |state: &State<'_>| u64::from(matches!(state, State::Bad | State::Spoiled));
        self.choice.known_bad +=
            bad(&monthly) + days.iter().map(|(_, state)| bad(state)).sum::<u64>();
        self.absent(month, &days);

        let whole = from <= month.first() && month.last() <= to;
        let is_wanted = |day: Day| from <= day && day <= to;
        // of such a day the month's archive has the rest
        let is_beside = |day: Day| self.view.offer.beside.contains(&day);
        let calendar = self.view.way.provider.calendar(self.view.series.market);
        let nothing = State::Nothing;
        let needed: Vec<&State<'a>> = days
            .iter()
            .filter(|(day, state)| {
                let is_open = !state.is_settled() && !matches!(state, State::Spoiled);
                // of a day on which the venue rests no month need be fetched
                let is_owed = !matches!(state, State::Nothing)
                    || !gaps::is_closed(self.view.series, calendar, *day);
                is_wanted(*day) && (is_open && is_owed || is_beside(*day))
            })
            .map(|(day, state)| {
                // a tail that is held is what there is until an archive has the day
                let is_tail = matches!(state, State::Held(_));
                if is_beside(*day) || is_tail { &nothing } else { state }
            })
            .collect();
        let table = Table::of_dataset(self.view.series.dataset);
        let by_month = Grain::of(table) == Grain::Months;
        // a spoiled day of what tells of now is never had again: its month goes on without it
        let spoiled_days = !self.view.series.dataset.tells_now()
            && days.iter().any(|(_, state)| matches!(state, State::Spoiled));
        let use_month = match &monthly {
            _ if monthly.is_in() => true,
            State::Fetch { listed, .. } => {
                // whoever asks for months gets them, though all days be held; where tables are cut
                // by months a spoiled day keeps its whole month as it is until something may have
                // its rows
                self.view.series.archives == Archives::Monthly
                    || by_month && spoiled_days
                    || !needed.is_empty() && month_is_better(listed, &needed, whole)
            }
            _ => false,
        };

        // a month's archive may lack what the days' have: seen once it was read
        let short = match monthly {
            State::Held(_) if self.view.series.archives != Archives::Monthly => {
                self.short_days(month)
            }
            _ => &[],
        };
        // what silver has of a spoiled archive stays, unless something new may have it too
        let is_new = |state: &State<'_>| matches!(state, State::Fetch { .. });
        // a month may also have come, and its batch failed
        let month_is_new = is_new(&monthly) || matches!(&monthly, State::Held(unit) if !unit.keeps);
        let is_one_group = use_month || by_month;
        let may_mend = use_month
            && (month_is_new || days.iter().any(|(_, state)| is_new(state) && state.is_in()));
        // a day that the month covers is not fetched unless days are asked for, but what is held
        // stays in the group
        let is_daily = self.view.series.archives == Archives::Daily;
        let is_taken = |day: Day, state: &State<'_>| {
            let asked = is_daily || short.contains(&day) || is_beside(day);
            state.is_settled() || !use_month || asked && is_wanted(day)
        };
        if is_one_group && (matches!(monthly, State::Spoiled) || spoiled_days && !may_mend) {
            let is_unbuilt = |state: &State<'_>| {
                is_new(state) || matches!(state, State::Held(unit) if !unit.keeps)
            };
            let waits = |(day, state): &&(Day, State<'_>)| {
                is_wanted(*day) && is_unbuilt(state) && is_taken(*day, state)
            };
            let waiting = days.iter().filter(waits).count() as u64;
            if waiting > 0 {
                let kept = KeptBack::of(self.view, month, waiting, &monthly, &days);
                self.choice.kept_back.push(kept);
            }
            let held = |state: &State<'_>| u64::from(matches!(state, State::Held(_)));
            self.choice.held +=
                held(&monthly) + days.iter().map(|(_, state)| held(state)).sum::<u64>();
            return;
        }
        if use_month && is_new(&monthly) {
            let replaced = &self.view.offer.replaced;
            let stays = |(day, state): &&(Day, State<'_>)| {
                matches!(state, State::Held(_)) && replaced.contains(day)
            };
            self.older.extend(days.iter().filter(stays).map(|(day, _)| *day));
        }
        let (mut units, mut tails) = (Vec::new(), Vec::new());
        // what the archives of the group replace is compared with them
        for (day, state) in &days {
            let unit = || unit(self.view.series, Period::Day(*day));
            let is_replaced = is_new(state) && !state.has_no_archive()
                || use_month && month_is_new && !is_taken(*day, state);
            let tail = state.tail().filter(|_| is_replaced);
            tails.extend(tail.map(|tail| Replaced { unit: unit(), archive: tail.clone() }));
        }
        // a tail goes before the month that lacks its day: what archives say stays
        for (day, state) in days.iter().filter(|(_, state)| state.has_no_archive()) {
            if use_month && is_taken(*day, state) {
                units.extend(self.planned(Period::Day(*day), state.clone()));
            }
        }
        if use_month {
            let unit = self.planned(Period::Month(month), monthly);
            // where the month cannot be had, what silver has of the days that it replaces stays
            let keeps = spoiled_days || !tails.is_empty();
            units.extend(unit.map(|unit| PlannedUnit { keeps: unit.keeps || keeps, ..unit }));
        }
        for (day, state) in days {
            if is_taken(day, &state) && !(use_month && state.has_no_archive()) {
                units.extend(self.planned(Period::Day(day), state));
            }
        }
        if is_one_group {
            self.group(Period::Month(month), units, tails);
        } else {
            for unit in units {
                let own = tails.iter().filter(|tail| tail.unit == unit.unit).cloned().collect();
                self.group(unit.unit.period, vec![unit], own);
            }
        }
    }

    /// The days of which the month's archive has fewer rows than it should.
    fn short_days(&self, month: Month) -> &'a [Day] {
        let group = unit(self.view.series, Period::Month(month)).to_string();
        self.view.known.ledger.builds.get(&group).map_or(&[], |build| &build.short_days)
    }

    /// A unit of a group, counted; nothing for an archive that cannot be had.
    fn planned(&mut self, period: Period, state: State<'a>) -> Option<PlannedUnit> {
        match state {
            State::Held(unit) => {
                self.choice.held += 1;
                Some(*unit)
            }
            State::Fetch { listed, again, had, mends } => {
                self.choice.fetch += 1;
                // sizes are the source's word, and may be anything
                let bytes = listed.bytes.unwrap_or(0);
                self.choice.fetch_bytes = self.choice.fetch_bytes.saturating_add(bytes);
                self.choice.republished += u64::from(again);
                let unit = unit(self.view.series, period);
                let Way { provider, section } = *self.view.way;
                let before = self.view.known.before(&unit.id(), had.as_ref());
                let remote = Remote { held: had, ..provider.way_to(section, &unit, listed) };
                let keeps = mends || self.view.known.built.contains(&unit.id());
                Some(PlannedUnit { unit, archive: Origin::Fetch(remote), keeps, before })
            }
            State::Bad | State::Spoiled | State::Nothing => None,
        }
    }

    fn group(&mut self, period: Period, units: Vec<PlannedUnit>, tails: Vec<Replaced>) {
        let id = unit(self.view.series, period).to_string();
        if self.needs_build(&id, period, &units) {
            let table = Table::of_dataset(self.view.series.dataset);
            let partitions = partition::spanned(&unit(self.view.series, period));
            let reading = self.reading(period);
            let prices = self.prices();
            let group = Group { id, table, partitions, units, reading, prices, tails };
            self.choice.groups.push(group);
        }
    }

    /// How the provider is configured to read the bytes of a group.
    fn reading(&self, period: Period) -> Option<String> {
        let Way { provider, section } = *self.view.way;
        provider.reading(section, &unit(self.view.series, period))
    }

    /// Between which prices rows lie.
    fn prices(&self) -> Option<PriceBounds> {
        let (Way { provider, section }, series) = (*self.view.way, self.view.series);
        provider.prices(section, series.market, series.dataset)
    }

    /// What stands for archives of a group that are read as configured.
    fn inputs<'u>(
        &self,
        period: Period,
        archives: impl IntoIterator<Item = (&'u UnitId, &'u str)>,
    ) -> String {
        let inputs = Group::inputs(archives);
        Group::read_as(inputs, self.reading(period).as_deref(), self.prices().as_ref())
    }

    fn needs_build(&self, id: &str, period: Period, units: &[PlannedUnit]) -> bool {
        let mut held: Vec<(UnitId, &str)> = Vec::with_capacity(units.len());
        for planned in units {
            match &planned.archive {
                Origin::Fetch(_) => return true,
                Origin::Held(raw) => held.push((planned.unit.id(), &raw.sha256)),
            }
        }
        if held.is_empty() {
            return false;
        }
        let inputs = self.inputs(period, held.iter().map(|(unit, sha256)| (unit, *sha256)));
        let builds = &self.view.known.ledger.builds;
        if builds.get(id).is_some_and(|build| build.inputs == inputs) {
            return false;
        }
        // a day may have been built as part of its month
        let whole = Period::Month(period.month());
        let month = unit(self.view.series, whole).to_string();
        let built_with_month = matches!(period, Period::Day(_))
            && builds.get(&month).is_some_and(|build| {
                held.iter().all(|(unit, _)| build.units.contains(unit))
                    && self.built_from_what_is_held(whole, build)
            });
        !built_with_month
    }

    /// Whether the archives a build was made from are the ones that the ledger has now.
    fn built_from_what_is_held(&self, period: Period, build: &model::ledger::BuildRow) -> bool {
        let archives = &self.view.known.ledger.archives;
        let now: Option<Vec<(&UnitId, &str)>> = build
            .units
            .iter()
            .filter(|unit| !build.corrupt.contains_key(unit))
            .map(|unit| {
                let row = archives.get(unit)?;
                let latest = row.archive.as_ref().filter(|_| row.status.is_usable());
                Some((unit, latest.or(row.usable.as_ref())?.sha256.as_str()))
            })
            .collect();
        now.is_some_and(|now| self.inputs(period, now) == build.inputs)
    }

    /// Finds the wanted days of a month that should be out and are neither listed nor held; what the API
    /// says of a day is no archive.
    /// Days before the series' first archive are not missing: it had not begun. Nor are those on which
    /// the venue is closed.
    fn absent(&mut self, month: Month, days: &[(Day, State<'a>)]) {
        let Some(begin) = self.view.offer.first else { return };
        // on a day that is over nobody can be asked any more
        if self.view.series.dataset.tells_now() {
            return;
        }
        let (from, to) = (self.view.series.from.max(begin), self.view.series.to);
        if self.view.offer.archives.contains_key(&Period::Month(month))
            || self.view.state(Period::Month(month)).is_in()
        {
            self.newest = Some(month.last().min(to));
            return;
        }
        let lag = self.view.series.lag;
        let calendar = self.view.way.provider.calendar(self.view.series.market);
        for (day, state) in days {
            let (end, lag) = match self.view.series.archives {
                Archives::Monthly => (month.last(), lag.monthly_days),
                Archives::Auto | Archives::Daily => (*day, lag.daily_days),
            };
            if *day < from || to < *day {
                continue;
            }
            // one that has come and is bad is not absent, though a tail stands in for it
            let listed = self.view.offer.archives.get(&Period::Day(*day));
            let has_come = listed.is_some_and(|listed| listed.until.is_none());
            if has_come || !state.has_no_archive() {
                self.newest = Some(*day);
            } else if end.plus(1).plus(lag) <= self.view.rules.today
                && !gaps::is_closed(self.view.series, calendar, *day)
            {
                self.absent.push(*day);
            }
        }
    }
}

/// What is said of days whose archives stay beside those of months that have taken their place.
fn older_words(series: &Series, days: &[Day]) -> Option<String> {
    let (first, last) = (days.first()?, days.last()?);
    let name = unit(series, Period::Day(*first)).series();
    let days = match days.len() {
        1 => first.to_string(),
        count => format!("{count} days from {first} to {last}"),
    };
    Some(format!(
        "{name}: larger files have come in the place of those that were taken before; what the former \
         ones had of {days} stays, and what the new ones say otherwise of it goes to silver.rejects"
    ))
}

/// Whether the month's archive is the better way to the days that are needed.
fn month_is_better(month: &Listed, needed: &[&State<'_>], whole: bool) -> bool {
    let mut cost = 0_u64;
    let whole_cost = |listed: &Listed| listed.bytes.unwrap_or(0).saturating_add(REQUEST);
    for state in needed {
        match state {
            State::Fetch { listed, .. } => cost = cost.saturating_add(whole_cost(listed)),
            // only the month covers this day
            State::Bad | State::Nothing => return true,
            State::Held(_) | State::Spoiled => {}
        }
    }
    whole && whole_cost(month) < cost
}

#[cfg(test)]
mod tests;
