//! Gold tables: partitions replaced by what `gold` built, where that still fits silver. What could
//! not be built keeps nothing else back, and is told at the end.

use std::collections::{HashMap, HashSet};

use model::derivation;
use model::dirty::Dirty;
use model::exit::Exit;
use model::fragment::GoldFragment;
use model::plan::Partition;
use model::schema::Table;
use stage::{Context, Failure};
use table::{Change, Snapshot, Stamp, TableError, Tables};

use crate::failure;
use crate::owed::{self, ToBuild};
use crate::summary::{Skipped, Summary, TableOutcome};

/// How often the choice of what still fits is made anew when silver changes under it.
const CHOICES: u32 = 10;

/// Commits what gold built in the context's run.
///
/// # Errors
/// [`Exit::LostRace`] when silver has changed since a piece was built: it must be built again
/// (all others are committed then), or when other writers won again and again;
/// [`Exit::Failed`] when pieces that are dirty were not built (all others are committed then);
/// whatever the lake says.
pub async fn run_gold(context: &Context) -> Result<Summary, Failure> {
    let tables = Tables::of_run(&context.lake, &context.run);
    let mut fragments = context.lake.gold_fragments(&context.run).await?;
    fragments.sort_by(|a, b| a.id.cmp(&b.id));
    let taken = owed::to_build(context).await?;
    let unbuilt = unbuilt(&taken, &fragments);
    let fragments: Vec<Piece> = fragments
        .into_iter()
        .map(|fragment| {
            let is_of_now = fragment.silver == taken.note.silver;
            Piece::of(fragment, is_of_now)
        })
        .collect::<Result<_, _>>()?;
    let mut summary = Summary::new(&context.run);
    summary.dirty = fragments.len() as u64;
    context.meter.total(derivation::ALL.len() as u64);
    let mut stale: HashSet<usize> = HashSet::new();
    for table in derivation::tables() {
        context.meter.at(table.as_str());
        if fragments.iter().any(|piece| piece.has(table)) {
            let outcome =
                commit(context, &tables, &fragments, table, &mut stale).await.map_err(failure)?;
            summary.tables.push(outcome);
        }
        context.meter.done(1);
    }
    let Some(first) = stale.iter().min().map(|n| fragments[*n].fragment.id.clone()) else {
        owed::pay(context, &taken, &unbuilt).await?;
        return match unbuilt.first().map(Dirty::id) {
            None => Ok(summary),
            Some(first) => Err(anyhow::anyhow!(
                "{} of the symbols that the run changed have no new bars, the first is {first}: gold \
                 could not build them, its log says why; all others are committed",
                unbuilt.len()
            )
            .into()),
        };
    };
    summary.skipped.extend(stale.iter().map(|n| Skipped {
        group: fragments[*n].fragment.id.clone(),
        why: "silver has changed since it was built".to_owned(),
    }));
    Err(Failure::new(
        Exit::LostRace,
        anyhow::anyhow!(
            "silver, or `gold` of lake.yaml, has changed since gold was built for {} symbols, the first is {first}: \
             run gold for run {} again, then this",
            stale.len(),
            context.run
        ),
    ))
}

/// What the run left dirty and gold has no fragment of.
fn unbuilt(taken: &ToBuild, fragments: &[GoldFragment]) -> Vec<Dirty> {
    let built = |dirty: &Dirty| {
        let mut own = fragments.iter().filter(|fragment| fragment.id == dirty.id());
        own.any(|fragment| dirty.months.iter().all(|month| fragment.months.contains(month)))
    };
    taken.dirty.iter().filter(|dirty| !built(dirty)).cloned().collect()
}

/// A fragment and what it is of.
struct Piece {
    fragment: GoldFragment,
    dirty: Dirty,
    /// Whether it was built after the run's last commit of silver.
    is_of_now: bool,
}

impl Piece {
    fn of(fragment: GoldFragment, is_of_now: bool) -> anyhow::Result<Self> {
        let bad = || {
            anyhow::anyhow!(
                "gold fragment `{}` has no id of the form source/market/symbol",
                fragment.id
            )
        };
        let [source, market, symbol]: [&str; 3] =
            fragment.id.split('/').collect::<Vec<_>>().try_into().map_err(|_| bad())?;
        let dirty = Dirty {
            source: source.parse()?,
            market: market.parse()?,
            symbol: symbol.parse()?,
            months: fragment.months.clone(),
        };
        Ok(Self { fragment, dirty, is_of_now })
    }

    fn has(&self, table: Table) -> bool {
        self.partitions(table).next().is_some()
    }

    fn partitions(&self, table: Table) -> impl Iterator<Item = &Partition> {
        self.fragment.replaces.iter().filter(move |(t, _)| *t == table).map(|(_, p)| p)
    }

    fn change(&self, table: Table, change: &mut Change) {
        change.partitions.extend(self.partitions(table).cloned());
        let files = self.fragment.files.iter().filter(|(t, _)| *t == table);
        change.files.extend(files.map(|(_, file)| file.clone()));
    }
}

/// Commits one gold table: the pieces that fit, or that are there already. The others join
/// `stale`.
async fn commit(
    context: &Context,
    tables: &Tables,
    pieces: &[Piece],
    table: Table,
    stale: &mut HashSet<usize>,
) -> Result<TableOutcome, TableError> {
    let settings = context.config.gold.words();
    for _ in 0..CHOICES {
        let target = tables.ensure(table).await?;
        let chosen = choose(tables, pieces, &target, &settings).await?;
        let lines: Vec<String> = chosen
            .iter()
            .map(|n| format!("{}={}", pieces[*n].fragment.id, pieces[*n].fragment.inputs))
            .collect();
        let content = lines.join("\n");
        let stamp = Stamp::new(table, &context.run, "gold", &content, context.clock.now());
        let mut changed = false;
        let result = tables
            .replace_with(table, &stamp, async |snapshot| {
                // the stamp says what is committed: where the choice is another one by now, it
                // is made anew
                changed = choose(tables, pieces, snapshot, &settings).await? != chosen;
                let mut change = Change::default();
                if !changed {
                    for n in &chosen {
                        pieces[*n].change(table, &mut change);
                    }
                }
                Ok(change)
            })
            .await?;
        if !changed {
            stale
                .extend((0..pieces.len()).filter(|n| pieces[*n].has(table) && !chosen.contains(n)));
            return Ok(TableOutcome::new(table, result));
        }
    }
    Err(TableError::LostRace { table, attempts: CHOICES })
}

/// The pieces that may be committed to a version of a gold table, in order: those that are built
/// from what silver holds now, and those that are in force already.
async fn choose(
    tables: &Tables,
    pieces: &[Piece],
    target: &Snapshot,
    settings: &str,
) -> Result<Vec<usize>, TableError> {
    type Files = Vec<(Table, Partition, String)>;
    let symbols: HashSet<String> = pieces.iter().map(|p| p.fragment.id.clone()).collect();
    let mut files: HashMap<String, Files> = HashMap::new();
    let mut add = |snapshot: &Snapshot| {
        for file in snapshot.iter() {
            let value = |column: &str| file.partition.get(column).map_or("", String::as_str);
            let id = format!("{}/{}/{}", value("source"), value("market"), value("symbol"));
            if symbols.contains(&id) {
                let list = files.entry(id).or_default();
                list.push((snapshot.table(), file.partition, file.path));
            }
        }
    };
    add(target);
    for table in derivation::inputs().into_iter().filter(|table| *table != target.table()) {
        if let Some(snapshot) = tables.snapshot(table).await? {
            add(&snapshot);
        }
    }
    let none = Files::new();
    let fits = |piece: &Piece| {
        let files = files.get(&piece.fragment.id).unwrap_or(&none);
        let files_of = files.iter().map(|(t, p, path)| (*t, p, path.as_str()));
        let inputs = piece.dirty.inputs(files_of, settings);
        // what is in force needs no second look, unless the run itself has more silver since
        inputs == piece.fragment.inputs
            || (piece.is_of_now && is_in_force(piece, target.table(), files))
    };
    Ok((0..pieces.len()).filter(|n| pieces[*n].has(target.table()) && fits(&pieces[*n])).collect())
}

/// Whether a table holds in a piece's partitions exactly what the piece has.
fn is_in_force(piece: &Piece, table: Table, live: &[(Table, Partition, String)]) -> bool {
    let partitions: HashSet<&Partition> = piece.partitions(table).collect();
    let is: HashSet<&str> = live
        .iter()
        .filter(|(t, partition, _)| *t == table && partitions.contains(partition))
        .map(|(.., path)| path.as_str())
        .collect();
    let should: HashSet<&str> = piece
        .fragment
        .files
        .iter()
        .filter(|(t, _)| *t == table)
        .map(|(_, file)| file.path.as_str())
        .collect();
    is == should
}
