//! Which partitions of its table the rows of a series lie in, and which series a partition is of. The
//! only place that knows what the partition columns of silver hold; plan, silver, commit and check ask
//! here.

use crate::plan::Partition;
use crate::schema::Table;
use crate::{Dataset, Day, Period, Unit};

/// How a table is cut by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// By UTC day.
    Days,
    /// By UTC month.
    Months,
}

impl Grain {
    /// The grain of a silver table.
    pub fn of(table: Table) -> Self {
        if table.schema().partitions.contains(&"month") { Self::Months } else { Self::Days }
    }
}

/// The partition of the rows of a unit's series on a day: column and value, in the table's order.
pub fn of_day(unit: &Unit, day: Day) -> Vec<(&'static str, String)> {
    let columns = Table::of_dataset(unit.dataset).schema().partitions;
    let value = |column: &str| match column {
        "source" => unit.source.to_string(),
        "market" => unit.market.to_string(),
        "symbol" => unit.symbol.to_string(),
        "price" => unit.dataset.price().unwrap_or_default().to_owned(),
        "kind" => unit.dataset.action().unwrap_or_default().to_owned(),
        "timeframe" => unit.timeframe.map_or_else(String::new, |t| t.to_string()),
        "date" => day.to_string(),
        "month" => day.month().to_string(),
        _ => String::new(),
    };
    columns.iter().map(|column| (*column, value(column))).collect()
}

/// All partitions that a unit's period spans, in order.
pub fn spanned(unit: &Unit) -> Vec<Partition> {
    let mut partitions = Vec::new();
    for day in unit.period.first().to(unit.period.last()) {
        let partition = as_map(&of_day(unit, day));
        if partitions.last() != Some(&partition) {
            partitions.push(partition);
        }
    }
    partitions
}

/// Partition values as the plan and fragments hold them.
pub fn as_map(values: &[(&'static str, String)]) -> Partition {
    values.iter().map(|(column, value)| ((*column).to_owned(), value.clone())).collect()
}

/// The unit whose period a partition is, and whose series its rows are of; `None` for what is no
/// partition of a silver table.
pub fn unit(table: Table, partition: &Partition) -> Option<Unit> {
    let of = |column: &str| partition.get(column).map(String::as_str);
    let is_own = |dataset: &&Dataset| {
        Table::of_dataset(**dataset) == table
            && dataset.price() == of("price")
            && dataset.action() == of("kind")
    };
    let timeframe = of("timeframe").map(str::parse).transpose().ok()?;
    let period = match (of("date"), of("month")) {
        (Some(date), _) => Period::Day(date.parse().ok()?),
        (None, month) => Period::Month(month?.parse().ok()?),
    };
    Some(Unit {
        source: of("source")?.parse().ok()?,
        market: of("market")?.parse().ok()?,
        dataset: *Dataset::ALL.iter().find(is_own)?,
        symbol: of("symbol")?.parse().ok()?,
        timeframe,
        period,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_the_schemas_and_read_back() {
        let check = |id: &str, count: usize, first: &str| {
            let whole: Unit = id.parse().expect(id);
            let table = Table::of_dataset(whole.dataset);
            let values = of_day(&whole, whole.period.first());
            let columns: Vec<_> = values.iter().map(|(column, _)| *column).collect();
            assert_eq!(columns, table.schema().partitions, "{id}");
            let all = spanned(&whole);
            assert_eq!((all.len(), all.first()), (count, Some(&as_map(&values))), "{id}");
            let back = unit(table, &all[0]).map(|unit| unit.to_string());
            assert_eq!(back.as_deref(), Some(first));
        };
        check("binance/spot/trades/A1/2024-02", 29, "binance/spot/trades/A1/2024-02-01");
        check("binance/spot/agg_trades/A1/2024-02-03", 1, "binance/spot/agg_trades/A1/2024-02-03");
        check("binance/spot/klines/A1/1h/2024-02", 1, "binance/spot/klines/A1/1h/2024-02");
        check("binance/spot/klines/A1/1h/2024-02-03", 1, "binance/spot/klines/A1/1h/2024-02");
        for dataset in ["mark_klines", "index_klines", "premium_klines"] {
            let id = format!("binance/usdm/{dataset}/A1/1h/2024-02");
            check(&id, 1, &id);
        }
        check("binance/usdm/funding/A1/2024-02", 1, "binance/usdm/funding/A1/2024-02");
        check("binance/usdm/quotes/A1/2024-02", 29, "binance/usdm/quotes/A1/2024-02-01");
        check("binance/usdm/metrics/A1/2024-02-03", 1, "binance/usdm/metrics/A1/2024-02-03");
        for dataset in ["fundamentals", "last_quotes", "splits", "dividends"] {
            let month = format!("acme/stocks/{dataset}/A1/2024-02");
            check(&format!("{month}-03"), 1, &month);
        }
    }

    #[test]
    fn what_is_no_partition_is_of_no_series() {
        let mut partition =
            spanned(&"binance/usdm/mark_klines/A1/1h/2024-02".parse().expect("unit"));
        let mut partition = partition.remove(0);
        assert_eq!(unit(Table::Klines, &partition), None);
        partition.insert("price".to_owned(), "last".to_owned());
        assert_eq!(unit(Table::PriceKlines, &partition), None);
        partition.remove("price");
        assert_eq!(unit(Table::PriceKlines, &partition), None);
        assert_eq!(unit(Table::Rejects, &partition), None);
        let mut partition = spanned(&"acme/stocks/splits/A1/2024-02".parse().expect("unit"));
        let mut partition = partition.remove(0);
        assert_eq!(unit(Table::Fundamentals, &partition), None);
        partition.insert("kind".to_owned(), "merger".to_owned());
        assert_eq!(unit(Table::Actions, &partition), None);
    }
}
