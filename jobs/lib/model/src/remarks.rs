//! What a person must know at the end of a run besides that it ended: archives that are of no use,
//! days that are not whole, bars that differ, and with which query each is seen. Pure; the same for
//! runs on this machine and in AWS.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::figures::Figures;
use crate::human::{count, plural};
use crate::plan::PlanTotals;
use crate::verdict::Verdict;

/// Reasons that one remark names.
const REASONS: usize = 4;
/// What looked odd to `plan` and is said again at the end.
const ODD: usize = 5;
/// What `ops.coverage` answers of days.
const DAYS: &str = "coverage_days";
/// What the ledger answers of archives that are not simply good.
const ARCHIVES: &str = "ledger --param status=bad";

/// Something to know, and where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// How many things it is about.
    pub count: u64,
    /// What it is, in words, its number included.
    pub text: String,
    /// What to type behind `cargo xtask query` to see it; `None` where no table has it.
    pub query: Option<String>,
}

/// What is known at the end of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// What was planned.
    pub planned: PlanTotals,
    /// Wanted days that the source should have and does not list.
    pub absent: u64,
    /// What the run's fragments amount to.
    pub figures: Option<&'a Figures>,
    /// Whether something else than the source kept archives from coming: a full disk, a damaged batch.
    pub stopped: bool,
    /// What check said.
    pub verdict: Option<&'a Verdict>,
    /// What looked odd to `plan`, in its words.
    pub odd: &'a [String],
    /// Warnings that the jobs logged, each counted once.
    pub warnings: u64,
}

/// The remarks on a run, the gravest first.
pub fn of(known: &Known<'_>) -> Vec<Remark> {
    let mut all = Vec::new();
    let mut add = |count: u64, text: String, query: Option<&str>| {
        if count > 0 {
            all.push(Remark { count, text, query: query.map(ToOwned::to_owned) });
        }
    };
    if let Some(figures) = known.figures {
        let n = figures.not_received(&known.planned);
        let why =
            if known.stopped { "a stage failed" } else { "the source refused or did not answer" };
        let text = format!("{} not received: {why}", archives(n));
        add(n, format!("{text}; the next run asks again"), None);
        for (status, n) in &figures.archives {
            let what = match status.as_str() {
                // all of them, fetched now or before, are counted below
                "ok" | "unreadable" => continue,
                "checksum_mismatch" => "whose bytes are not those of their checksum",
                "corrupt" => "whose zip does not open",
                "missing" => "that the source lists and does not have",
                "truncated_suspect" => "far smaller than their neighbours",
                "unverified" => "without a checksum to compare with",
                other => {
                    add(
                        *n,
                        format!("{} {}", archives(*n), other.replace('_', " ")),
                        Some(ARCHIVES),
                    );
                    continue;
                }
            };
            add(*n, format!("{} {what}", archives(*n)), Some(ARCHIVES));
        }
        let n = figures.unreadable;
        add(n, format!("{} that could not be read", archives(n)), Some(ARCHIVES));
    }
    let n = known.planned.known_bad;
    let text = format!("{} failed before and did not change since", archives(n));
    add(n, format!("{text}; `--retry-bad` tries them again"), Some(ARCHIVES));
    if let Some(verdict) = known.verdict {
        of_verdict(verdict, &mut add);
    } else {
        let n = known.absent;
        let text = format!("{} that the source should have and does not list", plural(n, "day"));
        add(n, text, Some(DAYS));
    }
    if let Some(figures) = known.figures {
        let rows = &figures.rows;
        let n = rows.rejected;
        add(n, format!("{} rejected", plural(n, "line")), Some("rejects"));
        let n = rows.invalid;
        add(n, format!("{} of silver not valid", plural(n, "row")), Some("builds"));
        let n = rows.conflicting;
        let text = format!("{} unlike the row that was kept", plural(n, "duplicate"));
        add(n, text, Some("rejects"));
        let n = figures.restated;
        let text = format!("{} restated by archives that came anew", plural(n, "row"));
        add(n, text, Some("restatements"));
    }
    for odd in known.odd.iter().take(ODD) {
        add(1, odd.clone(), None);
    }
    let n = known.odd.len().saturating_sub(ODD) as u64;
    add(
        n,
        format!("{} of what the source lists, in the log above", plural(n, "more warning")),
        None,
    );
    let n = known.warnings;
    add(n, format!("{} of the jobs in the log above", plural(n, "warning")), None);
    all
}

fn of_verdict(verdict: &Verdict, add: &mut impl FnMut(u64, String, Option<&str>)) {
    let days = verdict.days();
    for status in ["missing", "corrupt", "degraded"] {
        let n = days.get(status).copied().unwrap_or(0);
        let why = verdict.reasons.get(status).map_or_else(String::new, reasons);
        add(n, format!("{} {status}{why}", plural(n, "day")), Some(DAYS));
    }
    let n = verdict.unverified;
    add(n, format!("{} that nothing could be compared with", plural(n, "day")), Some(DAYS));
    let n = verdict.bars_differ;
    let text =
        format!("{} of {} compared differ from", plural(n, "bar"), count(verdict.bars_compared));
    add(n, format!("{text} the exchange's own"), Some("checks --param name=reconciliation"));
    // coverage was told above, day by day
    let mut checks: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for (check, n) in &verdict.failed {
        checks.entry(check).or_default()[0] += n;
    }
    for (check, n) in &verdict.warned {
        checks.entry(check).or_default()[1] += n;
    }
    checks.remove("coverage");
    if verdict.bars_differ > 0 {
        checks.remove("reconciliation");
    }
    for (check, [failed, warned]) in checks {
        let mut words = Vec::new();
        if failed > 0 {
            words.push(format!("FAILED for {}", count(failed)));
        }
        if warned > 0 {
            words.push(format!("has remarks on {}", count(warned)));
        }
        let text = format!("check {check} {}", words.join(" and "));
        add(failed + warned, text, Some(&format!("checks --param name={check}")));
    }
}

/// `: 3 ids missing, 1 unreadable archive`, the most frequent first.
fn reasons(reasons: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<_> = reasons.iter().collect();
    all.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut text = String::new();
    for (at, (reason, n)) in all.iter().take(REASONS).enumerate() {
        let _ = write!(text, "{} {} {reason}", if at == 0 { ":" } else { "," }, count(**n));
    }
    if all.len() > REASONS {
        text.push_str(", …");
    }
    text
}

fn archives(n: u64) -> String {
    plural(n, "archive")
}

/// Remarks for people: those with one query stand together, above what to type. `ask` chooses the
/// lake, such as `--env dev`.
pub fn lines(remarks: &[Remark], ask: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut queries: Vec<Option<&str>> = Vec::new();
    for remark in remarks {
        if !queries.contains(&remark.query.as_deref()) {
            queries.push(remark.query.as_deref());
        }
    }
    for query in queries {
        let of = remarks.iter().filter(|remark| remark.query.as_deref() == query);
        lines.extend(of.map(|remark| format!("  {}", remark.text)));
        lines.extend(query.map(|query| format!("      cargo xtask query {query} {ask}")));
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Verdict {
        serde_json::from_str(text).expect("verdict")
    }

    fn texts(known: &Known<'_>) -> Vec<String> {
        of(known).into_iter().map(|remark| remark.text).collect()
    }

    #[test]
    fn a_run_without_blemish_has_no_remark() {
        let mut figures = Figures::new();
        figures.archives.insert("ok".to_owned(), 3);
        let verdict =
            verdict(r#"{"coverage": {"a": {"available": 3, "pending": 1}}, "passed": {"x": 1}}"#);
        let known = Known {
            planned: PlanTotals { units: 3, fetch: 3, ..PlanTotals::default() },
            figures: Some(&figures),
            verdict: Some(&verdict),
            ..Known::default()
        };
        assert_eq!(of(&known), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_number_and_query() {
        let mut figures = Figures::new();
        figures.archives.insert("ok".to_owned(), 2);
        figures.archives.insert("checksum_mismatch".to_owned(), 1);
        figures.unreadable = 1;
        let verdict = verdict(
            r#"{"coverage": {"a": {"degraded": 3, "missing": 1}, "b": {"missing": 1}},
                "reasons": {"degraded": {"ids missing": 1, "lines rejected": 2}},
                "warned": {"coverage": 2, "reconciliation": 1, "ids": 4}, "failed": {"rows": 1},
                "bars_differ": 7, "bars_compared": 1440}"#,
        );
        let known = Known {
            planned: PlanTotals { units: 5, fetch: 5, known_bad: 2, ..PlanTotals::default() },
            figures: Some(&figures),
            verdict: Some(&verdict),
            warnings: 1,
            ..Known::default()
        };
        let lines = lines(&of(&known), "--env dev");
        assert_eq!(
            lines,
            [
                "  2 archives not received: the source refused or did not answer; the next run asks again",
                "  1 warning of the jobs in the log above",
                "  1 archive whose bytes are not those of their checksum",
                "  1 archive that could not be read",
                "  2 archives failed before and did not change since; `--retry-bad` tries them again",
                "      cargo xtask query ledger --param status=bad --env dev",
                "  2 days missing",
                "  3 days degraded: 2 lines rejected, 1 ids missing",
                "      cargo xtask query coverage_days --env dev",
                "  7 bars of 1,440 compared differ from the exchange's own",
                "      cargo xtask query checks --param name=reconciliation --env dev",
                "  check ids has remarks on 4",
                "      cargo xtask query checks --param name=ids --env dev",
                "  check rows FAILED for 1",
                "      cargo xtask query checks --param name=rows --env dev",
            ]
        );
    }

    #[test]
    fn what_nobody_understood_is_told_in_full_as_far_as_it_is_short() {
        let odd: Vec<String> = (0..ODD + 2).map(|n| format!("nobody knows `{n}.zip`")).collect();
        let texts = texts(&Known { odd: &odd, ..Known::default() });
        assert_eq!(texts.len(), ODD + 1);
        assert_eq!(texts[0], "nobody knows `0.zip`");
        assert_eq!(texts[ODD], "2 more warnings of what the source lists, in the log above");
    }

    #[test]
    fn the_source_is_not_blamed_for_what_failed_here() {
        let planned = PlanTotals { units: 1, fetch: 1, ..PlanTotals::default() };
        let figures = Figures::new();
        let known = Known { planned, figures: Some(&figures), stopped: true, ..Known::default() };
        assert_eq!(
            texts(&known),
            ["1 archive not received: a stage failed; the next run asks again"]
        );
    }

    #[test]
    fn absent_days_count_where_no_check_came_to_a_verdict() {
        let known = Known { absent: 2, ..Known::default() };
        assert_eq!(texts(&known), ["2 days that the source should have and does not list"]);
        let verdict = Verdict::default();
        assert_eq!(texts(&Known { verdict: Some(&verdict), ..known }), Vec::<String>::new());
    }
}
