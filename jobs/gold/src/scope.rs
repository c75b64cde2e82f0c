//! What is to be rebuilt, and from which files: one look at the tables, that a whole run rests on.

use std::collections::{BTreeMap, BTreeSet};

use model::derivation;
use model::dirty::Dirty;
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Market, Month, Source, Symbol, Timeframe};
use store::Lake;
use table::{LiveFile, Snapshot, TableError, Tables};

/// One version of each table that gold reads.
pub struct Sources {
    snapshots: BTreeMap<Table, Snapshot>,
    /// Live files by (source, market, symbol) and table.
    files: BTreeMap<(Source, Market, Symbol), BTreeMap<Table, Vec<LiveFile>>>,
}

impl Sources {
    /// Looks at the newest version of each table.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn load(tables: &Tables) -> Result<Self, TableError> {
        let mut sources = Self { snapshots: BTreeMap::new(), files: BTreeMap::new() };
        let reads = derivation::inputs().into_iter().chain(derivation::tables());
        for table in reads.collect::<BTreeSet<_>>() {
            let Some(snapshot) = tables.snapshot(table).await? else { continue };
            for file in snapshot.files() {
                let Some(owner) = owner(&file.partition) else { continue };
                let of_owner = sources.files.entry(owner).or_default();
                of_owner.entry(table).or_default().push(file);
            }
            sources.snapshots.insert(table, snapshot);
        }
        Ok(sources)
    }

    /// The versions looked at.
    pub fn versions(&self) -> BTreeMap<Table, u64> {
        self.snapshots.iter().map(|(table, snapshot)| (*table, snapshot.version())).collect()
    }

    /// Every symbol with all its months, those of bars whose silver is gone included.
    pub fn everything(&self) -> Vec<Dirty> {
        self.files
            .iter()
            .map(|((source, market, symbol), tables)| {
                let months: BTreeSet<Month> =
                    tables.values().flatten().filter_map(|f| month(&f.partition)).collect();
                Dirty {
                    source: *source,
                    market: *market,
                    symbol: symbol.clone(),
                    months: months.into_iter().collect(),
                }
            })
            .collect()
    }

    /// [`Dirty::inputs`] of these versions.
    pub fn inputs(&self, dirty: &Dirty, settings: &str) -> String {
        let files = self.of(dirty).flat_map(|(table, files)| {
            files.iter().map(move |f| (table, &f.partition, f.path.as_str()))
        });
        dirty.inputs(files, settings)
    }

    /// Fails where a file that anything of `dirty` is made from is not there or not of the size
    /// that was committed. What silver says of the months themselves is verified to the last bit
    /// where it is read; of bars of other months and of days beside the months that is all, but
    /// for the checksums of pages.
    ///
    /// # Errors
    /// [`TableError::Spoiled`] with the file and what to type.
    pub async fn verify_sizes(&self, lake: &Lake, dirty: &Dirty) -> Result<(), TableError> {
        let mut concerned = Vec::new();
        for (table, files) in self.of(dirty) {
            let own = files.iter().filter(|file| dirty.concerns(table, &file.partition));
            concerned.extend(own.map(|file| (table, file.clone())));
        }
        table::verify::all_of_size(lake, concerned).await
    }

    /// The data files of a table with the trades of a symbol, with their days.
    pub fn day_files(&self, table: Table, dirty: &Dirty) -> impl Iterator<Item = (Day, &LiveFile)> {
        self.of(dirty)
            .filter(move |(t, _)| *t == table)
            .flat_map(|(_, files)| files)
            .filter_map(|file| Some((file.partition.get("date")?.parse().ok()?, file)))
    }

    /// The data files of a table with the trades of a symbol, by day.
    pub fn days(&self, table: Table, dirty: &Dirty) -> BTreeMap<Day, Vec<LiveFile>> {
        let mut days: BTreeMap<Day, Vec<LiveFile>> = BTreeMap::new();
        for (day, file) in self.day_files(table, dirty) {
            days.entry(day).or_default().push(file.clone());
        }
        for files in days.values_mut() {
            files.sort_by(|a, b| a.path.cmp(&b.path));
        }
        days
    }

    /// The data files of a table with what it has of a symbol and month.
    pub fn month_files(
        &self,
        table: Table,
        dirty: &Dirty,
        of: Month,
    ) -> impl Iterator<Item = &LiveFile> {
        self.of(dirty)
            .filter(move |(t, _)| *t == table)
            .flat_map(|(_, files)| files)
            .filter(move |f| month(&f.partition) == Some(of))
    }

    /// Whether any table has a file of a symbol and month.
    pub fn has_any(&self, dirty: &Dirty, of: Month) -> bool {
        derivation::inputs().into_iter().any(|table| self.has(table, dirty, of))
    }

    /// Whether a table has a file of a symbol.
    pub fn has_table(&self, table: Table, dirty: &Dirty) -> bool {
        self.of(dirty).any(|(t, files)| t == table && !files.is_empty())
    }

    /// Whether a table has a file of a symbol and month.
    pub fn has(&self, table: Table, dirty: &Dirty, of: Month) -> bool {
        self.month_files(table, dirty, of).next().is_some()
    }

    /// The data files of a table with what it has of a symbol and timeframe in other months than those to be
    /// made anew, by month.
    pub fn files_of_other_months(
        &self,
        table: Table,
        dirty: &Dirty,
        timeframe: Timeframe,
    ) -> BTreeMap<Month, Vec<&LiveFile>> {
        let mut files: BTreeMap<Month, Vec<&LiveFile>> = BTreeMap::new();
        let of_table = self.of(dirty).filter(|(t, _)| *t == table).flat_map(|(_, files)| files);
        for file in of_table {
            let is_of = file.partition.get("timeframe").is_some_and(|t| t == timeframe.as_str());
            match month(&file.partition) {
                Some(month) if is_of && !dirty.months.contains(&month) => {
                    files.entry(month).or_default().push(file);
                }
                _ => {}
            }
        }
        files
    }

    /// The months of which a table has rows of a symbol, and of a timeframe where that is asked for.
    pub fn months(
        &self,
        table: Table,
        dirty: &Dirty,
        timeframe: Option<Timeframe>,
    ) -> BTreeSet<Month> {
        let of_table = self.of(dirty).filter(|(t, _)| *t == table).flat_map(|(_, files)| files);
        let is_of = |file: &&LiveFile| {
            let of = file.partition.get("timeframe");
            timeframe.is_none_or(|timeframe| of.is_some_and(|of| of == timeframe.as_str()))
        };
        of_table.filter(is_of).filter_map(|file| month(&file.partition)).collect()
    }

    /// Whether there are bars of a symbol in other months than those to be rebuilt.
    pub fn has_other_bars(&self, dirty: &Dirty) -> bool {
        self.of(dirty)
            .filter(|(t, _)| *t == Table::Bars)
            .flat_map(|(_, files)| files)
            .any(|f| dirty.concerns(Table::Bars, &f.partition))
    }

    fn of(&self, dirty: &Dirty) -> impl Iterator<Item = (Table, &Vec<LiveFile>)> {
        let key = (dirty.source, dirty.market, dirty.symbol.clone());
        self.files.get(&key).into_iter().flatten().map(|(table, files)| (*table, files))
    }
}

fn owner(partition: &Partition) -> Option<(Source, Market, Symbol)> {
    Some((
        partition.get("source")?.parse().ok()?,
        partition.get("market")?.parse().ok()?,
        partition.get("symbol")?.parse().ok()?,
    ))
}

fn month(partition: &Partition) -> Option<Month> {
    match (partition.get("month"), partition.get("date")) {
        (Some(month), _) => month.parse().ok(),
        (None, Some(date)) => date.parse::<Day>().ok().map(Day::month),
        (None, None) => None,
    }
}
