//! Tables in a query's text: `zone.table` here, `database.table` in a catalog where each zone is a
//! database of its own.

use crate::schema::Table;

/// The SQL with the zone of each table named by `database`: `silver.trades` becomes
/// `market_lake_dev_silver.trades`. Texts, quoted names and comments are left alone.
pub fn in_databases(sql: &str, database: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 128);
    let mut rest = sql;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |i| i + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |i| i + 2),
            c if is_word(c) => rest.find(|c| !is_word(c) && c != '.').unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (piece, after) = rest.split_at(end);
        let lower = piece.to_lowercase();
        let table = Table::ALL.iter().find(|table| {
            // a column may follow: silver.trades.price
            lower == table.as_str()
                || lower.strip_prefix(table.as_str()).is_some_and(|rest| rest.starts_with('.'))
        });
        match table {
            Some(table) if is_word(first) && before != '.' => {
                out += &database(table.zone());
                out += &piece[table.zone().len()..];
            }
            _ => out += piece,
        }
        before = piece.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_in_the_catalog() {
        let database = |zone: &str| format!("market_lake_my_dev_{zone}");
        let check = |sql: &str, expect: &str| assert_eq!(in_databases(sql, database), expect);
        check("SELECT * FROM silver.trades t", "SELECT * FROM market_lake_my_dev_silver.trades t");
        check(
            "FROM gold.bars JOIN Ops.coverage",
            "FROM market_lake_my_dev_gold.bars JOIN market_lake_my_dev_ops.coverage",
        );
        check("SELECT silver.trades.price", "SELECT market_lake_my_dev_silver.trades.price");
        check(
            "x = 'silver.trades' -- gold.bars\n, \"gold.bars\" /* ops.runs */",
            "x = 'silver.trades' -- gold.bars\n, \"gold.bars\" /* ops.runs */",
        );
        check(
            "t.silver, silver.tradesx, (bronze.archives)",
            "t.silver, silver.tradesx, (market_lake_my_dev_bronze.archives)",
        );
        check(
            "x = 'it''s' AND é = gold.daily",
            "x = 'it''s' AND é = market_lake_my_dev_gold.daily",
        );
        check("'open", "'open");
    }
}
