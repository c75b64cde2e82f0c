//! Cuts groups into batches, by the bytes and the number of their archives. The same groups
//! give the same batches.

use std::collections::BTreeMap;

use model::config::BatchLimits;
use model::plan::{Batch, BatchRef, Group, Origin, PlannedUnit, Remote};
use model::{RunId, Source, Unit, layout};

/// A batch and what it weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    /// The batch.
    pub batch: Batch,
    /// Its line in the plan.
    pub line: BatchRef,
}

/// Sizes are the source's word: their sums stop at the greatest number.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    units: u64,
    fetch_bytes: u64,
    read_bytes: u64,
}

impl Weight {
    fn of(group: &Group) -> Self {
        let mut weight = Self { units: group.units.len() as u64, ..Self::default() };
        for unit in &group.units {
            match &unit.archive {
                Origin::Fetch(remote) => {
                    let bytes = remote.bytes.unwrap_or(0);
                    weight.fetch_bytes = weight.fetch_bytes.saturating_add(bytes);
                    weight.read_bytes = weight.read_bytes.saturating_add(bytes);
                }
                Origin::Held(raw) => {
                    weight.read_bytes = weight.read_bytes.saturating_add(raw.bytes);
                }
            }
        }
        weight
    }

    const fn add(self, other: Self) -> Self {
        Self {
            units: self.units + other.units,
            fetch_bytes: self.fetch_bytes.saturating_add(other.fetch_bytes),
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
        }
    }

    const fn exceeds(self, limits: &BatchLimits) -> bool {
        self.read_bytes > limits.mib << 20 || self.units > limits.units as u64
    }
}

/// Cuts `groups` into batches. A group that exceeds the limits is a batch of its own. All groups of a
/// source with a unit that `is_asked` for within a budget are one batch, so that no two tasks wait for
/// one budget.
pub fn cut(
    run: &RunId,
    groups: Vec<Group>,
    limits: &BatchLimits,
    is_asked: impl Fn(&Unit, &Remote) -> bool,
) -> Vec<Weighed> {
    let mut batches = Vec::new();
    let mut open: (Vec<Group>, Weight) = Default::default();
    let mut asked: BTreeMap<Source, (Vec<Group>, Weight)> = BTreeMap::new();
    for group in groups {
        let weight = Weight::of(&group);
        let asks = |planned: &&PlannedUnit| match &planned.archive {
            Origin::Fetch(remote) => is_asked(&planned.unit, remote),
            Origin::Held(_) => false,
        };
        let source = group.units.iter().find(asks).map(|planned| planned.unit.source);
        if let Some(source) = source {
            let (groups, sum) = asked.entry(source).or_default();
            groups.push(group);
            *sum = sum.add(weight);
            continue;
        }
        if weight.exceeds(limits) {
            close(run, &mut batches, vec![group], weight);
            continue;
        }
        if open.1.add(weight).exceeds(limits) {
            let (groups, weight) = std::mem::take(&mut open);
            close(run, &mut batches, groups, weight);
        }
        open.0.push(group);
        open.1 = open.1.add(weight);
    }
    if !open.0.is_empty() {
        close(run, &mut batches, open.0, open.1);
    }
    for (groups, weight) in asked.into_values() {
        close(run, &mut batches, groups, weight);
    }
    batches
}

fn close(run: &RunId, batches: &mut Vec<Weighed>, groups: Vec<Group>, weight: Weight) {
    let number = batches.len() as u32 + 1;
    let line = BatchRef {
        number,
        key: layout::batch(run, number),
        groups: groups.len() as u64,
        units: weight.units,
        fetch_bytes: weight.fetch_bytes,
        read_bytes: weight.read_bytes,
    };
    batches.push(Weighed { batch: Batch { run: run.clone(), number, groups }, line });
}

#[cfg(test)]
mod tests {
    use model::RawArchive;
    use model::schema::Table;

    use super::*;

    /// Groups as the MiB of their units, `1+2` for two units, with a `?` in front those of a source that
    /// is asked; batches as the numbers of groups.
    fn check(groups: &[&str], mib: u64, units: u32, expect: &[&[usize]]) {
        let make = |(i, text): (usize, &&str)| Group {
            id: i.to_string(),
            table: Table::Trades,
            partitions: Vec::new(),
            units: text
                .trim_start_matches('?')
                .split('+')
                .map(|mib| PlannedUnit {
                    unit: {
                        let source = if text.starts_with('?') { "asked" } else { "acme" };
                        format!("{source}/spot/trades/BTCUSDT/2024-01-01").parse().expect("unit")
                    },
                    archive: {
                        let bytes = mib.parse::<u64>().expect("MiB") << 20;
                        if text.starts_with('?') {
                            Origin::Fetch(Remote { bytes: Some(bytes), ..Remote::asked("") })
                        } else {
                            Origin::Held(RawArchive {
                                object: String::new(),
                                sha256: String::new(),
                                bytes,
                                fetched_at: chrono::DateTime::UNIX_EPOCH,
                            })
                        }
                    },
                    keeps: false,
                    before: None,
                })
                .collect(),
            reading: None,
            prices: None,
            tails: Vec::new(),
        };
        let run = RunId::new(chrono::DateTime::UNIX_EPOCH, 0);
        let groups: Vec<Group> = groups.iter().enumerate().map(make).collect();
        let count = groups.len();
        let batches = cut(&run, groups, &BatchLimits { mib, units }, |unit, _| {
            unit.source.as_str() == "asked"
        });
        let got: Vec<Vec<usize>> = batches
            .iter()
            .map(|b| b.batch.groups.iter().map(|g| g.id.parse().expect("number")).collect())
            .collect();
        assert_eq!(got, expect);
        assert_eq!(got.iter().map(Vec::len).sum::<usize>(), count);
        for (i, batch) in batches.iter().enumerate() {
            assert_eq!(batch.line.number as usize, i + 1);
            assert_eq!(batch.batch.number, batch.line.number);
            assert_eq!(batch.line.groups as usize, batch.batch.groups.len());
        }
    }

    #[test]
    fn batches_keep_their_limits() {
        check(&[], 10, 10, &[]);
        check(&["1", "2", "3"], 10, 10, &[&[0, 1, 2]]);
        check(&["5", "5", "1"], 10, 10, &[&[0, 1], &[2]]);
        check(&["1", "1", "1"], 10, 2, &[&[0, 1], &[2]]);
        // a large group is alone, and the open batch goes on
        check(&["1", "6+6", "2"], 10, 10, &[&[1], &[0, 2]]);
        check(&["1+1+1", "1"], 10, 2, &[&[0], &[1]]);
        check(&["0", "0"], 1, 1, &[&[0], &[1]]);
        // one budget, one batch
        check(&["?1", "1", "?9", "?1", "1"], 5, 2, &[&[1, 4], &[0, 2, 3]]);
    }
}
