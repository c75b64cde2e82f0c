//! What gold has to make anew: of which symbol, and of which months; and what that rests on. Which tables
//! there are and what each is made from is in [`crate::derivation`].

use serde::{Deserialize, Serialize};

use crate::derivation::{self, Span};
use crate::plan::Partition;
use crate::schema::Table;
use crate::{Day, Market, Month, Source, Symbol};

/// Which bytes gold makes of silver. Raise it with every change of code that makes others: files
/// then get new names, so that none of a live version is overwritten with other bytes.
pub const GOLD_BYTES: u32 = 3;

/// What a commit of silver left for gold to rebuild: `runs/<run>/dirty.json`, a list of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dirty {
    /// The provider.
    pub source: Source,
    /// The kind of market.
    pub market: Market,
    /// The instrument.
    pub symbol: Symbol,
    /// The months whose bars may have changed with silver, in order: see [`months_of`].
    pub months: Vec<Month>,
}

/// The months whose bars are made from a partition of a silver table: its own, and where it is the
/// first or the last day of a month of trades, the month beside it. Whether a day is whole is told
/// by the ids of the days beside it, too.
pub fn months_of(table: Table, partition: &Partition) -> Vec<Month> {
    let of = |column: &str| partition.get(column).map(String::as_str);
    match table {
        Table::Trades | Table::AggTrades => {
            let day = of("date").and_then(|date| date.parse::<Day>().ok());
            let Some(day) = day else { return Vec::new() };
            let mut months = vec![day.minus(1).month(), day.month(), day.next().month()];
            months.dedup();
            months
        }
        // of quotes each bar is made of its own
        Table::Quotes => {
            of("date").and_then(|d| d.parse::<Day>().ok()).map(Day::month).into_iter().collect()
        }
        Table::Klines | Table::Bars | Table::Spreads | Table::Fundamentals | Table::Funding => {
            of("month").and_then(|m| m.parse().ok()).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

impl Dirty {
    /// `binance/spot/BTCUSDT`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.source, self.market, self.symbol)
    }

    /// Stands for what gold makes of this from: the live files of the silver tables in its
    /// months, of trades those of the days beside them, and of what needs all there is, those of all other months
    /// ([`crate::derivation`]). `files` may hold any files of any tables; those of no concern are
    /// left out. [`GOLD_BYTES`] is in it, and so are `settings`: [`crate::config::Gold::words`].
    pub fn inputs<'a>(
        &self,
        files: impl IntoIterator<Item = (Table, &'a Partition, &'a str)>,
        settings: &str,
    ) -> String {
        let mut lines: Vec<String> = files
            .into_iter()
            .filter(|(table, partition, _)| self.concerns(*table, partition))
            .map(|(table, _, path)| format!("{table}/{path}"))
            .collect();
        lines.sort_unstable();
        lines.push(format!("gold {GOLD_BYTES} {settings}"));
        crate::unit::sha256_hex(lines.join("\n").as_bytes())
    }

    /// Whether [`Dirty::inputs`] takes files of this partition into account.
    pub fn concerns(&self, table: Table, partition: &Partition) -> bool {
        let is = |column: &str, value: &str| partition.get(column).is_some_and(|v| v == value);
        let is_ours = is("source", self.source.as_str())
            && is("market", self.market.as_str())
            && is("symbol", self.symbol.as_str());
        let months = months_of(table, partition);
        let are_made_anew = months.iter().any(|month| self.months.contains(month));
        let counts = |span: Span| match span {
            Span::Months => are_made_anew,
            Span::All => true,
            Span::OtherMonths => !months.is_empty() && !are_made_anew,
        };
        is_ours && derivation::spans(table).any(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_of_gold_are_the_files_it_reads() {
        let dirty = Dirty {
            source: Source::new("binance"),
            market: Market::new("spot"),
            symbol: "BTCUSDT".parse().expect("symbol"),
            months: vec!["2024-01".parse().expect("month")],
        };
        let check = |table: Table, symbol: &str, column: &str, value: &str, expect: bool| {
            let partition: Partition =
                [("source", "binance"), ("market", "spot"), ("symbol", symbol), (column, value)]
                    .map(|(c, v)| (c.to_owned(), v.to_owned()))
                    .into();
            assert_eq!(dirty.concerns(table, &partition), expect, "{table} {partition:?}");
            let inputs = dirty.inputs([(table, &partition, "a.parquet")], "");
            assert_eq!(inputs != dirty.inputs([], ""), expect, "{table} {partition:?}");
        };
        check(Table::Trades, "BTCUSDT", "date", "2024-01-31", true);
        check(Table::AggTrades, "BTCUSDT", "date", "2024-02-02", false);
        // whether the last day of a month is whole is told by the first of the next one
        check(Table::AggTrades, "BTCUSDT", "date", "2024-02-01", true);
        check(Table::Trades, "BTCUSDT", "date", "2023-12-31", true);
        check(Table::Trades, "BTCUSDT", "date", "2023-12-30", false);
        check(Table::Trades, "ETHUSDT", "date", "2024-01-31", false);
        check(Table::Klines, "BTCUSDT", "month", "2024-01", true);
        check(Table::Bars, "BTCUSDT", "month", "2024-01", false);
        check(Table::Bars, "BTCUSDT", "month", "2024-02", true);
        check(Table::Daily, "BTCUSDT", "month", "2024-02", false);
    }
}
