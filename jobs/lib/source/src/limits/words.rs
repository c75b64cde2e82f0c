//! What is said to people where a day's credits are used up, or a provider wants to be left alone.

use std::fmt;

use chrono::{DateTime, Utc};
use model::Source;

/// Most runs that are told.
const MOST_RUNS: usize = 3;

/// The name of those who are not kept by name: runs that used little, where there are many, and
/// whoever else uses the same key.
pub(super) const OTHERS: &str = "others";

/// A day's credits are used up, or the provider wants to be left alone. What was asked for before is
/// kept; whoever runs again after [`Self::until`] goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetSpent {
    /// The provider.
    pub source: Source,
    /// Credits a day, where the limits say it.
    pub limit: Option<u32>,
    /// Whether the provider itself said that they are used up, be it by others with the same key.
    pub told: bool,
    /// When it can go on.
    pub until: DateTime<Utc>,
    /// Whether the provider wants to be left alone, whatever is left of the day's credits.
    pub is_pause: bool,
    /// Runs that used credits, and how many; those that used most first.
    pub by: Vec<(String, u32)>,
}

impl std::error::Error for BudgetSpent {}

impl fmt::Display for BudgetSpent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, limit, told, until, is_pause, by } = self;
        if *is_pause {
            let until = until.format("%Y-%m-%d %H:%M:%S UTC");
            return write!(f, "{source} asks to be left alone; it can go on at {until}");
        }
        let credits = limit.map_or("credits".to_owned(), |n| format!("{n} credits"));
        if *told {
            write!(f, "{source} says that the day's {credits} are used up")?;
        } else {
            write!(f, "the day's {credits} of {source} are used up")?;
        }
        let runs: Vec<_> =
            by.iter().map(|(name, _)| name.as_str()).filter(|name| *name != OTHERS).collect();
        let has_more = runs.len() > MOST_RUNS || runs.len() < by.len();
        let more = if has_more { " and others" } else { "" };
        let names = runs.iter().take(MOST_RUNS).copied().collect::<Vec<_>>().join(", ");
        match runs.len() {
            0 if by.is_empty() => {}
            0 => f.write_str(" (by others)")?,
            1 => write!(f, " (by run {names}{more})")?,
            _ => write!(f, " (by runs {names}{more})")?,
        }
        write!(f, "; it can go on at {}", until.format("%Y-%m-%d %H:%M UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_used_them_and_when_it_can_go_on() {
        let check = |limit: Option<u32>, told: bool, runs: &[&str], expect: &str| {
            let until = "2026-12-02T00:00:00Z".parse().expect("time");
            let source = "acme".parse().expect("source");
            let by = runs.iter().map(|run| ((*run).to_owned(), 1)).collect();
            let spent = BudgetSpent { source, limit, told, until, is_pause: false, by };
            assert_eq!(
                spent.to_string(),
                format!("{expect}; it can go on at 2026-12-02 00:00 UTC")
            );
        };
        check(Some(800), false, &["a"], "the day's 800 credits of acme are used up (by run a)");
        check(
            Some(800),
            false,
            &["a", "b", "c", "d", "e"],
            "the day's 800 credits of acme are used up (by runs a, b, c and others)",
        );
        check(None, true, &[], "acme says that the day's credits are used up");
        check(Some(8), false, &[OTHERS], "the day's 8 credits of acme are used up (by others)");
        check(
            Some(800),
            false,
            &[OTHERS, "a"],
            "the day's 800 credits of acme are used up (by run a and others)",
        );
        check(
            Some(25),
            true,
            &["a", "b"],
            "acme says that the day's 25 credits are used up (by runs a, b)",
        );

        let until = "2026-12-02T00:00:07Z".parse().expect("time");
        let source = "acme".parse().expect("source");
        let by = Vec::new();
        let spent = BudgetSpent { source, limit: None, told: true, until, is_pause: true, by };
        assert_eq!(
            spent.to_string(),
            "acme asks to be left alone; it can go on at 2026-12-02 00:00:07 UTC"
        );
    }
}
