//! What a source's API said of a day against what its archive says, which has replaced it. Silver has
//! compared the two when it built the group ([`model::tail`]); here each difference becomes a row of
//! `ops.checks`.

use anyhow::Context as _;
use model::layout;
use model::tail::Comparison;
use stage::Context;

use crate::findings::{Finding, Findings, Status};

/// The name of the check.
pub const CHECK: &str = "tail_differs";

/// Tells of each tail that this run has replaced whether the archive says the same.
///
/// # Errors
/// Whatever the lake says.
pub async fn check(context: &Context, findings: &mut Findings) -> anyhow::Result<()> {
    let folder = layout::fragments(&context.run, layout::TAIL);
    let mut comparisons = Vec::new();
    for entry in context.lake.list(&folder).await? {
        let read = context.lake.read_json(&entry.key, "comparison of a tail").await;
        let comparison: Comparison = read.with_context(|| format!("`{}`", entry.key))?;
        comparisons.push(comparison);
    }
    comparisons.sort_by_key(|comparison| comparison.unit.id());
    for comparison in &comparisons {
        tell(comparison, findings);
    }
    Ok(())
}

/// One summary a tail, and a detail each difference: those that silver did not list, and those for which
/// there is no room, are left out alike.
fn tell(comparison: &Comparison, findings: &mut Findings) {
    let subject = comparison.unit.to_string();
    let status = if comparison.is_same() { Status::Pass } else { Status::Warn };
    findings.summary(CHECK, status, &subject, comparison.text());
    for difference in &comparison.listed {
        let detail = match (&difference.field, &difference.tail) {
            (Some(_), _) => "the archive against what the API said before",
            (None, Some(_)) => "not in the archive, though the API had it",
            (None, None) => "in the archive, though the API did not have it",
        };
        findings.detail(Finding {
            time: Some(difference.time),
            field: Some(difference.field.clone().unwrap_or_else(|| difference.key.to_string())),
            expected: difference.archive.clone(),
            found: difference.tail.clone(),
            detail: Some(detail.to_owned()),
            ..Finding::new(CHECK, Status::Warn, &subject)
        });
    }
    findings.left_out = findings.left_out.saturating_add(comparison.unlisted);
}

#[cfg(test)]
mod tests {
    use model::tail::Difference;

    use super::*;
    use crate::findings::DETAILS;

    #[test]
    fn each_difference_is_told_with_both_values() {
        let difference = |field: Option<&str>, tail: Option<&str>, archive: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (field, tail, archive) = (own(field), own(tail), own(archive));
            Difference { key: 60_000_000, time: 60_000_000, field, tail, archive }
        };
        let comparison = Comparison {
            unit: "binance/spot/klines/BTCUSDT/1m/2024-01-31".parse().unwrap(),
            until: "2024-01-31T12:33:00Z".parse().unwrap(),
            tail_sha256: String::new(),
            archive_sha256: String::new(),
            compared: 9,
            differing: 1,
            only_tail: 1,
            only_archive: 1,
            listed: vec![
                difference(Some("close"), Some("1.00000000"), Some("2.00000000")),
                difference(None, Some("a row"), None),
                difference(None, None, Some("a row")),
            ],
            unlisted: 0,
            problem: None,
        };
        let mut findings = Findings::default();
        tell(&comparison, &mut findings);
        let [summary] = findings.summaries.as_slice() else { panic!("{findings:?}") };
        assert_eq!((summary.check.as_str(), summary.status), (CHECK, Status::Warn));
        assert_eq!(summary.subject, "binance/spot/klines/BTCUSDT/1m/2024-01-31");
        let told: Vec<_> = findings
            .details
            .iter()
            .map(|d| (d.field.as_deref(), d.expected.as_deref(), d.found.as_deref()))
            .collect();
        let key = Some("60000000");
        assert_eq!(
            told,
            [
                (Some("close"), Some("2.00000000"), Some("1.00000000")),
                (key, None, Some("a row")),
                (key, Some("a row"), None),
            ]
        );
        assert!(findings.details.iter().all(|d| d.time == Some(60_000_000)));
        assert_eq!(findings.left_out, 0);
        let same = Comparison {
            differing: 0,
            only_tail: 0,
            only_archive: 0,
            listed: Vec::new(),
            ..comparison.clone()
        };
        let mut findings = Findings::default();
        tell(&same, &mut findings);
        assert_eq!((findings.worst(), findings.details.len()), (Status::Pass, 0));
        // what silver did not list and what finds no room are details alike, however many rows they are of
        let listed = vec![comparison.listed[0].clone(); DETAILS + 3];
        let many = Comparison { differing: 2, listed, unlisted: 400, ..comparison };
        let mut findings = Findings::default();
        tell(&many, &mut findings);
        assert_eq!((findings.details.len(), findings.left_out), (DETAILS, 403));
    }
}
