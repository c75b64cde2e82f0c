//! `silver.instruments`: what a run tells of its instruments, put beside what the table holds. How the
//! two are merged is [`model::instrument`]'s affair.
//!
//! A source's rows are one file, replaced as a whole where anything of them has changed. So a kill leaves
//! the former rows or the new ones, and the same run again finds nothing to do.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

use chrono::DateTime;
use futures::TryStreamExt as _;
use model::instrument::{Facts, Row, Teller, merge};
use model::plan::Partition;
use model::schema::Table;
use model::{Day, Market, Source, Symbol, decimal::Decimal};
use stage::Context;
use table::{Change, Outcome, Snapshot, Stamp, TableError, Tables};

use crate::gather::Gathered;
use crate::rows::{self, Cell, Reader, stream};

const TABLE: Table = Table::Instruments;

/// The rows of a source's instruments.
type Held = BTreeMap<(Market, Symbol), Vec<Row>>;

/// Commits what the run's plan tells.
pub(crate) async fn commit(
    context: &Context,
    tables: &Tables,
    gathered: &Gathered,
) -> Result<Outcome, TableError> {
    let told = &gathered.plan.instruments;
    let teller = Teller { at: gathered.plan.created_at, run: context.run.as_str() };
    let content = serde_json::to_string(told).map_err(|error| bad(error.into()))?;
    let stamp = Stamp::new(TABLE, &context.run, "silver", &content, context.clock.now());
    tables
        .replace_with(TABLE, &stamp, async |snapshot| {
            let mut sources: BTreeMap<Source, (Held, bool)> = BTreeMap::new();
            for told in told {
                let (held, is_changed) = match sources.entry(told.source) {
                    Entry::Vacant(place) => {
                        place.insert((read(tables, snapshot, told.source).await?, false))
                    }
                    Entry::Occupied(there) => there.into_mut(),
                };
                let rows = held.entry((told.market, told.symbol.clone())).or_default();
                if let Some(new) = merge(rows, told, &teller) {
                    *rows = new;
                    *is_changed = true;
                }
            }
            let mut change = Change::default();
            for (source, (held, _)) in sources.iter().filter(|(_, (_, is_changed))| *is_changed) {
                let mut content = String::new();
                let mut all: Vec<Vec<Cell>> = Vec::new();
                for ((market, symbol), rows) in held {
                    for row in rows {
                        let _ = writeln!(content, "{market}/{symbol} {row:?}");
                        all.push(cells(*market, symbol, row));
                    }
                }
                let batch = rows::batch(TABLE, &all)?;
                let partition = Partition::from([("source".to_owned(), source.to_string())]);
                let owner = format!("instruments/{source}");
                let file = tables.write(TABLE, &partition, [batch], &owner, &content, 0).await?;
                change.files.extend(file);
                change.partitions.push(partition);
            }
            Ok(change)
        })
        .await
}

fn bad(source: Box<dyn std::error::Error + Send + Sync>) -> TableError {
    TableError::Change { table: TABLE, source }
}

fn cells(market: Market, symbol: &Symbol, row: &Row) -> Vec<Cell> {
    let facts = &row.facts;
    vec![
        market.as_str().into(),
        symbol.as_str().into(),
        Some(row.from).into(),
        row.to.into(),
        facts.base.as_deref().into(),
        facts.quote.as_deref().into(),
        facts.currency.as_deref().into(),
        facts.time_zone.as_deref().into(),
        facts.tick_size.into(),
        facts.lot_size.into(),
        facts.status.as_deref().into(),
        facts.contract_type.as_deref().into(),
        facts.listed_from.into(),
        facts.listed_to.into(),
        facts.renamed_from.as_ref().map(Symbol::as_str).into(),
        facts.renamed_to.as_ref().map(Symbol::as_str).into(),
        row.told_at.into(),
        row.run.as_str().into(),
    ]
}

/// The rows that a version of the table has of a source, in order.
async fn read(tables: &Tables, snapshot: &Snapshot, source: Source) -> Result<Held, TableError> {
    // a source's name needs no quoting
    let sql = format!(
        "SELECT market, symbol, valid_from, valid_to, base, quote, currency, time_zone, tick_size, \
         lot_size, status, contract_type, listed_from, listed_to, renamed_from, renamed_to, told_at, run FROM ledger \
         WHERE source = '{source}' ORDER BY market, symbol, valid_from"
    );
    let mut stream = stream(tables, snapshot, &sql).await?;
    let mut held = Held::new();
    while let Some(batch) = stream.try_next().await? {
        let reader = Reader { table: TABLE, batch: &batch };
        let names = ["market", "symbol", "base", "quote", "currency", "time_zone", "run"];
        let [market, symbol, base, quote, currency, time_zone, run] =
            names.map(|name| reader.text(name));
        let (market, symbol, run) = (market?, symbol?, run?);
        let (base, quote, currency, time_zone) = (base?, quote?, currency?, time_zone?);
        let (status, contract_type) = (reader.text("status")?, reader.text("contract_type")?);
        let (renamed_from, renamed_to) = (reader.text("renamed_from")?, reader.text("renamed_to")?);
        let (valid_from, valid_to) = (reader.days("valid_from")?, reader.days("valid_to")?);
        let (listed_from, listed_to) = (reader.days("listed_from")?, reader.days("listed_to")?);
        let (tick, lot) = (reader.units("tick_size")?, reader.units("lot_size")?);
        let told_at = reader.micros("told_at")?;
        let own = |text: Option<&str>| text.map(str::to_owned);
        let day = |days: Option<i32>| days.and_then(Day::of_epoch_days);
        let size = |units: Option<i128>| {
            units.and_then(|units| Decimal::of_units(i64::try_from(units).ok()?))
        };
        let name = |text: Option<&str>| -> Result<Option<Symbol>, TableError> {
            text.map(str::parse)
                .transpose()
                .map_err(|error: model::symbol::BadSymbol| bad(error.into()))
        };
        for row in 0..batch.num_rows() {
            let market: Market = market(row)
                .unwrap_or_default()
                .parse()
                .map_err(|error: model::words::BadName| bad(error.into()))?;
            let symbol = name(symbol(row))?.ok_or_else(|| bad("a row has no symbol".into()))?;
            let from = day(valid_from(row)).ok_or_else(|| bad("a row has no first day".into()))?;
            let facts = Facts {
                base: own(base(row)),
                quote: own(quote(row)),
                currency: own(currency(row)),
                time_zone: own(time_zone(row)),
                tick_size: size(tick(row)),
                lot_size: size(lot(row)),
                status: own(status(row)),
                contract_type: own(contract_type(row)),
                listed_from: day(listed_from(row)),
                listed_to: day(listed_to(row)),
                renamed_from: name(renamed_from(row))?,
                renamed_to: name(renamed_to(row))?,
            };
            held.entry((market, symbol)).or_default().push(Row {
                from,
                to: day(valid_to(row)),
                facts,
                told_at: told_at(row).and_then(DateTime::from_timestamp_micros).unwrap_or_default(),
                run: own(run(row)).unwrap_or_default(),
            });
        }
    }
    Ok(held)
}
