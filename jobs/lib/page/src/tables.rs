//! What of the page needs no program: the sum, results of checks, rejects, runs and the certificate's state, as
//! HTML. They are there before any script has run, and where none may run.

use std::fmt::Write as _;

use crate::figures::{Check, Outcome, Page, Run};
use crate::words::{dollars, duration, grouped, instant, size};

/// Results of a check that are shown of former runs.
const HISTORY: usize = 14;

/// Text of HTML: whatever it says, it is no markup.
pub(crate) fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A table; a head that begins with `>` stands to the right.
fn table(heads: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let right = |i: usize| if heads[i].starts_with('>') { " class=\"num\"" } else { "" };
    let mut html = String::from("<table><thead><tr>");
    for (i, head) in heads.iter().enumerate() {
        let _ = write!(html, "<th scope=\"col\"{}>{}</th>", right(i), head.trim_start_matches('>'));
    }
    html.push_str("</tr></thead><tbody>");
    for (attributes, cells) in rows {
        let _ = write!(html, "<tr{attributes}>");
        for (i, cell) in cells.iter().enumerate() {
            let _ = write!(html, "<td{}>{cell}</td>", right(i));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    html
}

fn empty(words: &str) -> String {
    format!("<p class=\"empty\">{words}</p>")
}

fn mono(plain: &str) -> String {
    format!("<span class=\"mono\">{}</span>", text(plain))
}

/// A state: told by a sign and a word, not by colour alone.
fn state(class: &str, words: &str) -> String {
    format!("<span class=\"state {class}\">{words}</span>")
}

/// What became of every row that was read, as a sum.
pub(crate) fn sum(page: &Page) -> String {
    let sum = &page.accounting;
    let part = |class: &str, words: &str, n: u64| {
        format!("<div><p><i class=\"{class}\"></i>{words}</p><b>{}</b></div>", grouped(n))
    };
    format!(
        "{}<div class=\"op\">=</div>{}<div class=\"op\">+</div>{}<div class=\"op\">+</div>{}\
         <div class=\"proof\">✓ it adds up</div>",
        part("bronze", "rows read", sum.read),
        part("silver", "in silver", sum.silver),
        part("rejects", "rejected, with their text", sum.rejected),
        part("repeats", "duplicates", sum.duplicate),
    )
}

/// What a check found, as a class and a word.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Skip => "skip",
        Outcome::Warn => "warn",
        Outcome::Fail => "fail",
    }
}

/// The last results of a check, a bar each, and in words.
fn history(check: &Check) -> String {
    let last = &check.history[check.history.len().saturating_sub(HISTORY)..];
    let words = [
        (Outcome::Pass, "passed"),
        (Outcome::Warn, "warned"),
        (Outcome::Fail, "failed"),
        (Outcome::Skip, "skipped"),
    ];
    let told: Vec<String> = words
        .iter()
        .map(|(outcome, word)| (last.iter().filter(|o| **o == Some(*outcome)).count(), word))
        .filter(|(many, _)| *many > 0)
        .map(|(many, word)| format!("{many} {word}"))
        .collect();
    let mut bars = String::new();
    for found in last {
        let _ = write!(bars, "<i class=\"{}\"></i>", found.map_or("none", outcome));
    }
    format!(
        "<span class=\"past\" role=\"img\" aria-label=\"last {} runs: {}\">{bars}</span>",
        last.len(),
        told.join(", ")
    )
}

/// Results of checks. A row tells what it found, so that the page's program can leave rows out.
pub(crate) fn checks(page: &Page) -> String {
    if page.checks.is_empty() {
        return empty("No check has run yet: check runs at the end of each run.");
    }
    let row = |check: &Check| {
        let found = if check.detail.is_empty() {
            text(&check.found)
        } else {
            format!("{}<small>{}</small>", text(&check.found), text(&check.detail))
        };
        let word = outcome(check.outcome);
        (
            format!(" data-outcome=\"{word}\""),
            vec![
                state(word, word),
                mono(&check.name),
                mono(&check.subject),
                text(&check.expected),
                found,
                history(check),
            ],
        )
    };
    let heads = ["Result", "Check", "Subject", "Expected", "Found", "Last runs"];
    table(&heads, page.checks.iter().map(row))
}

/// Lines that are no rows, by reason.
pub(crate) fn rejects(page: &Page) -> String {
    if page.rejects.is_empty() {
        return empty("None: every line that was read is a row, or one that was there already.");
    }
    let rows = page.rejects.iter().map(|r| {
        let first = format!("<code>{}</code>", text(&r.first));
        (String::new(), vec![mono(&r.reason), grouped(r.lines), first])
    });
    table(&["Reason", ">Lines", "The first of them, as received"], rows)
}

/// Whether something certifies this state of the lake.
pub(crate) fn certificate(page: &Page) -> String {
    let Some(made) = &page.certificate else {
        return "<small>No certificate: nothing has signed this state of the lake yet.</small>"
            .into();
    };
    let says = if made.holds {
        state("pass", "Certified")
    } else {
        state("fail", "The certificate does not hold")
    };
    let (id, at) = (mono(&made.id), instant(made.made_at));
    format!("{says} {} <small>{id}, {at}</small>", text(&made.text))
}

/// Runs, the youngest first.
pub(crate) fn runs(page: &Page) -> String {
    if page.runs.is_empty() {
        return empty("No run yet: <code>cargo xtask local run</code> makes the first.");
    }
    let costs = page.runs.iter().any(|run| run.cost.is_some());
    let row = |run: &Run| {
        let outcome = match (run.took, run.archives_failed) {
            (None, _) => state("fail", "not committed"),
            (_, 0) => state("pass", "done"),
            (_, n) => state("warn", &format!("{} left out", grouped(n))),
        };
        let archives = match run.archives_failed {
            0 => grouped(run.archives),
            n => format!("{} of {}", grouped(run.archives), grouped(run.archives + n)),
        };
        let rows = run.rows;
        let mut cells = vec![
            mono(&run.id),
            instant(run.started_at),
            outcome,
            run.took.map_or_else(|| "–".into(), duration),
            archives,
            size(run.bytes),
        ];
        cells.extend([rows.read, rows.silver, rows.rejected, rows.duplicate].map(grouped));
        if costs {
            cells.push(run.cost.map_or_else(|| "–".into(), dollars));
        }
        (String::new(), cells)
    };
    let mut heads = vec!["Run", "Started", "Outcome", ">Time", ">Archives", ">Fetched"];
    heads.extend([">Rows read", ">Silver", ">Rejected", ">Duplicate"]);
    if costs {
        heads.push(">Cost");
    }
    table(&heads, page.runs.iter().map(row))
}

/// The last line of the page.
pub(crate) fn foot(page: &Page) -> String {
    format!(
        "Made by market-lake {} from {} archives ({}). Times are UTC. This page asks nothing of any network. \
         Charts: Apache ECharts 5.5.1, Apache License 2.0.",
        text(&page.version),
        grouped(page.accounting.archives),
        size(page.accounting.bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Certificate, Rows};

    #[test]
    fn a_run_says_how_it_ended() {
        let run = |took, archives_failed, cost| Run {
            id: "<r>".into(),
            took,
            archives: 10,
            archives_failed,
            cost,
            rows: Rows { read: 1234, ..Rows::default() },
            ..Run::default()
        };
        let html = |runs| super::runs(&Page { runs, ..Page::default() });
        let done = html(vec![run(Some(61_000_000), 0, None)]);
        assert!(
            done.contains("&lt;r&gt;") && done.contains(">done<") && done.contains(">61 s<"),
            "{done}"
        );
        assert!(done.contains("<td class=\"num\">1,234</td>") && !done.contains("Cost"), "{done}");
        let partly = html(vec![run(Some(1), 2, Some(1_500_000)), run(None, 0, None)]);
        for part in [">2 left out<", ">10 of 12<", ">not committed<", ">Cost<", ">$1.50<"] {
            assert!(partly.contains(part), "no {part}: {partly}");
        }
    }

    #[test]
    fn history_is_told_in_words() {
        let mut past = vec![None, Some(Outcome::Skip), Some(Outcome::Fail)];
        past.extend([Some(Outcome::Pass); 14]);
        past[16] = Some(Outcome::Warn);
        let check = Check {
            outcome: Outcome::Warn,
            name: "c".into(),
            subject: "s".into(),
            expected: "1 < 2".into(),
            found: "3".into(),
            detail: "d".into(),
            history: past,
        };
        let html = checks(&Page { checks: vec![check], ..Page::default() });
        assert!(html.contains("aria-label=\"last 14 runs: 13 passed, 1 warned\""), "{html}");
        assert_eq!(html.matches("<i class=").count(), HISTORY);
        assert!(html.contains("<tr data-outcome=\"warn\">"), "{html}");
        assert!(html.contains("1 &lt; 2") && html.contains("3<small>d</small>"), "{html}");
    }

    #[test]
    fn a_certificate_holds_or_does_not() {
        let page = |holds| Page {
            certificate: Some(Certificate {
                id: "abc".into(),
                made_at: 0,
                holds,
                text: "of <7>".into(),
            }),
            ..Page::default()
        };
        assert!(
            certificate(&page(true))
                .starts_with("<span class=\"state pass\">Certified</span> of &lt;7&gt;")
        );
        assert!(certificate(&page(false)).contains("does not hold"));
        assert!(certificate(&Page::default()).contains("No certificate"));
    }
}
