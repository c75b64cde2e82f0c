//! The bars that a run owes from the commit of its silver to that of its bars, and what stands
//! for the silver that they are made of. Contents are compared and never times: an object store
//! tells whole seconds, and two writes may share one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::RunId;
use crate::dirty::Dirty;

/// A debt: `runs/owed/<run>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Form")]
pub struct Owed {
    /// Stands for the silver that its run had committed when it wrote this: a run that commits
    /// more owes anew. Empty in one that a former version wrote.
    pub silver: String,
    /// What gold must rebuild.
    pub dirty: Vec<Dirty>,
}

/// The forms that a debt is read in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Now { silver: String, dirty: Vec<Dirty> },
    Before(Vec<Dirty>),
}

impl From<Form> for Owed {
    fn from(form: Form) -> Self {
        match form {
            Form::Now { silver, dirty } => Self { silver, dirty },
            Form::Before(dirty) => Self { silver: String::new(), dirty },
        }
    }
}

/// What `runs/<run>/dirty.json` is of: `runs/<run>/taken.json`, written before it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Stands for the silver that the run has committed: [`Owed::silver`] of its own debt.
    pub silver: String,
    /// The debts of other runs that it took over: [`Owed::silver`] of each.
    #[serde(default)]
    pub debts: BTreeMap<RunId, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debts_of_a_former_version_are_read() {
        let dirty =
            r#"[{"source":"binance","market":"spot","symbol":"BTCUSDT","months":["2024-01"]}]"#;
        let check = |text: &str, silver: &str| {
            let owed: Owed = serde_json::from_str(text).unwrap();
            assert_eq!((owed.silver.as_str(), owed.dirty.len()), (silver, 1), "{text}");
            let again = serde_json::to_string(&owed).unwrap();
            assert_eq!(serde_json::from_str::<Owed>(&again).unwrap(), owed);
        };
        check(dirty, "");
        check(&format!(r#"{{"silver":"abc","dirty":{dirty}}}"#), "abc");
        assert!(serde_json::from_str::<Owed>("{}").is_err());
    }
}
