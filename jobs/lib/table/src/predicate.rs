//! What a commit says it read: a predicate over its partitions. It covers them all and may
//! cover more; it stays small however many they are.

use std::collections::BTreeSet;

use model::plan::Partition;
use model::schema::TableSchema;

/// So many values of a column are listed one by one; more become a range.
const LISTED: usize = 32;

/// A predicate that every one of `partitions` fulfils; `None` where there is none or the table
/// has no partitions.
pub(crate) fn covering<'a, P>(schema: &TableSchema, partitions: P) -> Option<String>
where
    P: IntoIterator<Item = &'a Partition> + Copy,
{
    let mut terms = Vec::new();
    for column in schema.partitions {
        let values: BTreeSet<&str> =
            partitions.into_iter().filter_map(|p| p.get(*column)).map(String::as_str).collect();
        let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
        terms.push(if values.len() == 1 {
            format!("{column} = {}", quoted(first))
        } else if values.len() <= LISTED {
            let list: Vec<_> = values.iter().map(|v| quoted(v)).collect();
            format!("{column} IN ({})", list.join(", "))
        } else {
            format!("{column} >= {} AND {column} <= {}", quoted(first), quoted(last))
        });
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use model::schema::Table;

    use super::*;

    fn partition(symbol: &str, date: &str) -> Partition {
        [("source", "binance"), ("market", "spot"), ("symbol", symbol), ("date", date)]
            .map(|(c, v)| (c.to_owned(), v.to_owned()))
            .into()
    }

    #[test]
    fn predicates_cover_and_stay_small() {
        let check = |partitions: &[Partition], expect: Option<&str>| {
            assert_eq!(covering(Table::Trades.schema(), partitions).as_deref(), expect);
        };
        check(&[], None);
        check(
            &[partition("A", "2024-01-01")],
            Some("source = 'binance' AND market = 'spot' AND symbol = 'A' AND date = '2024-01-01'"),
        );
        check(
            &[partition("A", "2024-01-01"), partition("B'", "2024-01-01")],
            Some(
                "source = 'binance' AND market = 'spot' AND symbol IN ('A', 'B''') \
             AND date = '2024-01-01'",
            ),
        );
        let many: Vec<_> =
            (0..10_000).map(|i| partition(&format!("S{i:05}"), "2024-01-01")).collect();
        check(
            &many,
            Some(
                "source = 'binance' AND market = 'spot' AND symbol >= 'S00000' \
             AND symbol <= 'S09999' AND date = '2024-01-01'",
            ),
        );
    }
}
