//! The named queries: those of `sql/queries/`, which are part of every program that asks, and
//! what a program adds to them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::header::{BadHeader, Header};
use super::params::{self, BadParam};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../sql/queries/", $name, ".sql")))),+]
    };
}

/// The queries of `sql/queries/`, by name.
pub const BUILT_IN: &[(&str, &str)] = built_in![
    "actions",
    "anomalies",
    "bars_for_symbol",
    "bi_daily",
    "breadth",
    "builds",
    "checks",
    "compare_sources",
    "correlations",
    "coverage",
    "coverage_days",
    "daily_with_instrument",
    "fundamentals",
    "indicators",
    "instruments",
    "ledger",
    "pe",
    "price_against_volume",
    "rejects",
    "restatements",
    "returns",
    "runs",
    "signals",
    "sources",
    "top_movers",
    "volatility_windows",
    "volume_by_month",
    "vwap_by_day",
];

/// A named query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// What its header says.
    pub header: Header,
    /// Its whole text.
    pub text: String,
}

/// The queries there are.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// By name.
    pub queries: BTreeMap<String, Query>,
}

/// What is wrong with a query or its use.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// There is no such query.
    #[error("unknown query `{name}`{}; see `query --list`", hint(nearest.as_deref()))]
    Unknown {
        /// The name given.
        name: String,
        /// The name most like it.
        nearest: Option<String>,
    },
    /// The header of a query file is wrong.
    #[error("bad query file `{file}`")]
    Header {
        /// The file.
        file: String,
        /// Why.
        source: BadHeader,
    },
    /// A query file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The parameters do not fit the query.
    #[error("cannot run query `{name}`")]
    Params {
        /// The query.
        name: String,
        /// Why.
        source: BadParam,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(", did you mean `{nearest}`?"))
}

impl Catalog {
    /// The queries built in.
    ///
    /// # Errors
    /// [`QueryError::Header`].
    pub fn built_in() -> Result<Self, QueryError> {
        let mut catalog = Self::default();
        for (name, text) in BUILT_IN {
            catalog.add(name, &format!("{name}.sql"), (*text).to_owned())?;
        }
        Ok(catalog)
    }

    /// Adds a query, `file` in messages; one of the same name is replaced.
    ///
    /// # Errors
    /// [`QueryError::Header`].
    pub fn add(&mut self, name: &str, file: &str, text: String) -> Result<(), QueryError> {
        let header = Header::parse(&text)
            .map_err(|source| QueryError::Header { file: file.to_owned(), source })?;
        self.queries.insert(name.to_owned(), Query { header, text });
        Ok(())
    }

    /// The SQL of a query with its parameters filled in.
    ///
    /// # Errors
    /// [`QueryError::Unknown`], [`QueryError::Params`].
    pub fn render(&self, name: &str, given: &[String]) -> Result<String, QueryError> {
        let query = self.queries.get(name).ok_or_else(|| QueryError::Unknown {
            name: name.to_owned(),
            nearest: self.nearest(name),
        })?;
        params::render(&query.text, &query.header.params, given)
            .map_err(|source| QueryError::Params { name: name.to_owned(), source })
    }

    /// The query whose name shares most with `name`; `None` where none is like it.
    fn nearest(&self, name: &str) -> Option<String> {
        let (steps, nearest) =
            self.queries.keys().map(|known| (distance(name, known), known)).min()?;
        let begins = self.queries.keys().find(|known| !name.is_empty() && known.contains(name));
        if let Some(begins) = begins {
            return Some(begins.clone());
        }
        (steps <= nearest.len() / 3).then(|| nearest.clone())
    }
}

/// Letters to change, add or take away to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../sql/queries");

    #[test]
    fn every_file_is_built_in_and_says_what_it_is() {
        let mut files: Vec<String> = std::fs::read_dir(FOLDER)
            .unwrap()
            .map(|e| e.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let catalog = Catalog::built_in().unwrap();
        for (name, query) in &catalog.queries {
            assert!(query.header.purpose.len() > 10 && query.header.grain.len() > 5, "{name}");
            let mut used = params::placeholders(&query.text);
            let mut declared: Vec<_> = query.header.params.iter().map(|p| p.name.clone()).collect();
            used.sort();
            declared.sort();
            assert_eq!(used, declared, "{name}");
        }
    }

    /// What Athena (Trino) and DataFusion do not both understand.
    const NOT_SHARED: &[&str] = &[
        "max_by",
        "min_by",
        "approx_percentile",
        "date_diff",
        "count_if",
        "year(",
        "month(",
        "day(",
        "hour(",
        "day_of_week",
        "fetch first",
        "interval",
        "date_bin",
        "::",
        "ilike",
        "qualify",
        "filter (",
        "last_value(",
        "nth_value",
        "string_agg",
        "array_agg",
        "to_char",
        "date_format",
        "arrow_cast",
        "try_cast",
        "date_part",
        "from_unixtime",
        "median(",
        "generate_series",
        "unnest",
        "exclude",
        "top ",
        "date_trunc",
        "now()",
        "current_date",
    ];

    #[test]
    fn queries_keep_to_the_common_dialect() {
        for (name, text) in BUILT_IN {
            let sql: String = text
                .lines()
                .map(|line| line.split("--").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n")
                .to_lowercase();
            for word in NOT_SHARED {
                assert!(!sql.contains(word), "{name} uses `{word}`");
            }
            assert!(!sql.contains(';') && !sql.contains("select *"), "{name}");
        }
    }

    #[test]
    fn an_unknown_name_gets_a_hint() {
        let catalog = Catalog::built_in().unwrap();
        let check = |name: &str, expect: &str| {
            assert_eq!(catalog.render(name, &[]).unwrap_err().to_string(), expect);
        };
        check("vwap", "unknown query `vwap`, did you mean `vwap_by_day`?; see `query --list`");
        check("retruns", "unknown query `retruns`, did you mean `returns`?; see `query --list`");
        check("zzzzzzzzzzzz", "unknown query `zzzzzzzzzzzz`; see `query --list`");
    }
}
