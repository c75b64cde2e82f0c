//! The lines by which a job tells how far it is. One JSON object a line on standard error,
//! marked by the key `progress`; whoever runs the job draws bars from them.

use serde::{Deserialize, Serialize};

/// How far a job is, as totals since its start (not increments), so that a lost line is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The stage: `bronze`.
    pub progress: String,
    /// Units or groups finished.
    pub done: u64,
    /// Units or groups to do in all.
    pub total: u64,
    /// Bytes read or received.
    pub bytes: u64,
    /// Rows made.
    pub rows: u64,
    /// What is at work now, in a word or two; may be empty.
    #[serde(default)]
    pub at: String,
}

impl Progress {
    /// The progress in a line of a job's standard error; `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        line.starts_with("{\"progress\":").then(|| serde_json::from_str(line).ok()).flatten()
    }

    /// The line, without a line end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back() {
        let progress =
            Progress { progress: "bronze".into(), done: 1, total: 2, ..Progress::default() };
        assert_eq!(Progress::parse(&progress.line()), Some(progress));
        assert_eq!(Progress::parse("{\"level\":\"INFO\"}"), None);
        assert_eq!(Progress::parse("progress"), None);
    }
}
