//! The page of what was proven: a verdict a line, in Markdown or JSON. It can be committed: of the
//! account it shows the last digits only.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::account::Cloud;

/// Letters of a cell that are shown.
const CELL: usize = 200;
/// Digits of the account's id that are shown.
const DIGITS: usize = 4;

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The account says so.
    Proven,
    /// The account says otherwise.
    Refuted,
    /// Nobody was there who could tell.
    NotKnown,
}

impl Verdict {
    const fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Refuted => "**refuted**",
            Self::NotKnown => "not known here",
        }
    }
}

/// What a line is about; the page has a section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    /// Definitions of state machines.
    Definitions,
    /// Their expressions.
    Expressions,
    /// What roles may do.
    Roles,
    /// What Athena finds.
    Tables,
}

impl About {
    const ALL: [Self; 4] = [Self::Definitions, Self::Expressions, Self::Roles, Self::Tables];

    const fn title(self) -> &'static str {
        match self {
            Self::Definitions => "State machines, by ValidateStateMachineDefinition",
            Self::Expressions => "Their expressions, by TestState",
            Self::Roles => "Roles, by SimulateCustomPolicy",
            Self::Tables => "Tables, by Athena",
        }
    }
}

/// One thing that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    about: About,
    /// What would be true.
    what: String,
    verdict: Verdict,
    /// What was found.
    found: String,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Page {
    environment: String,
    account: String,
    region: String,
    at: DateTime<Utc>,
    /// Whether this is no account but an AWS on this machine.
    is_emulated: bool,
    lines: Vec<Line>,
}

impl Page {
    /// An empty page.
    pub(super) fn new(cloud: &Cloud, at: DateTime<Utc>) -> Self {
        Self {
            environment: cloud.names.environment.clone(),
            account: cloud.names.account.clone(),
            region: cloud.names.region.clone(),
            at,
            is_emulated: cloud.identity().endpoint.is_some(),
            lines: Vec::new(),
        }
    }

    /// A line more.
    pub(super) fn add(
        &mut self,
        about: About,
        what: impl Into<String>,
        verdict: Verdict,
        found: impl Into<String>,
    ) {
        self.lines.push(Line { about, what: what.into(), verdict, found: found.into() });
    }

    /// A line more, of something that is so or is not.
    pub(super) fn judge(
        &mut self,
        about: About,
        what: impl Into<String>,
        is_so: bool,
        found: impl Into<String>,
    ) {
        let verdict = if is_so { Verdict::Proven } else { Verdict::Refuted };
        self.add(about, what, verdict, found);
    }

    /// How many lines have a verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }

    /// The page without the account's id.
    pub(super) fn masked(mut self, account: &str) -> Self {
        let hidden = account.len().saturating_sub(DIGITS);
        let masked = "x".repeat(hidden) + account.get(hidden..).unwrap_or_default();
        self.account.clone_from(&masked);
        for line in &mut self.lines {
            line.what = line.what.replace(account, &masked);
            line.found = line.found.replace(account, &masked);
        }
        self
    }

    /// The page for people.
    pub(super) fn markdown(&self) -> String {
        let place = if self.is_emulated { "an emulated AWS" } else { "its account" };
        let mut text = format!(
            "# What environment {} proves in {place}\n\nAccount {}, {}, {}. Made by `cargo xtask prove \
             --env {}`.\n\n{} proven, {} refuted, {} not known here.\n",
            self.environment,
            self.account,
            self.region,
            self.at.format("%Y-%m-%d %H:%M UTC"),
            self.environment,
            self.count(Verdict::Proven),
            self.count(Verdict::Refuted),
            self.count(Verdict::NotKnown),
        );
        for about in About::ALL {
            let lines: Vec<&Line> = self.lines.iter().filter(|line| line.about == about).collect();
            if lines.is_empty() {
                continue;
            }
            let _ = write!(
                text,
                "\n## {}\n\n| what | verdict | found |\n|---|---|---|\n",
                about.title()
            );
            for line in lines {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} |",
                    cell(&line.what),
                    line.verdict.words(),
                    cell(&line.found)
                );
            }
        }
        text
    }
}

/// A text that breaks no table.
fn cell(text: &str) -> String {
    let plain = text.replace(char::is_control, " ");
    let mut cell: String = plain.chars().take(CELL).collect();
    if plain.chars().count() > CELL {
        cell.push('…');
    }
    cell.replace('\\', "\\\\").replace('|', "\\|").replace('<', "\\<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            environment: "dev".into(),
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            at: DateTime::from_timestamp(1_764_547_200, 0).unwrap(),
            is_emulated: false,
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_page_reads_in_sections_and_hides_the_account() {
        let mut page = page();
        page.judge(About::Tables, "silver.trades", true, "12 rows");
        page.judge(About::Roles, "a | b", false, "arn:aws:iam::111122223333:role/x\nsecond");
        page.add(
            About::Definitions,
            "pipeline",
            Verdict::NotKnown,
            "this AWS does not know the call",
        );
        let page = page.masked("111122223333");
        assert_eq!(page.count(Verdict::Refuted), 1);
        let text = page.markdown();
        assert_eq!(
            text,
            "# What environment dev proves in its account\n\nAccount xxxxxxxx3333, eu-central-1, \
             2025-12-01 00:00 UTC. Made by `cargo xtask prove --env dev`.\n\n1 proven, 1 refuted, 1 \
             not known here.\n\n## State machines, by ValidateStateMachineDefinition\n\n| what | \
             verdict | found |\n|---|---|---|\n| pipeline | not known here | this AWS does not know \
             the call |\n\n## Roles, by SimulateCustomPolicy\n\n| what | verdict | found \
             |\n|---|---|---|\n| a \\| b | **refuted** | arn:aws:iam::xxxxxxxx3333:role/x second \
             |\n\n## Tables, by Athena\n\n| what | verdict | found |\n|---|---|---|\n| silver.trades \
             | proven | 12 rows |\n"
        );
    }
}
