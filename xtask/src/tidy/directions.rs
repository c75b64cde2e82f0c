//! Who may depend on whom.
//!
//! ```text
//! model ← {store, source} ← stage ← {plan, bronze, silver}
//!          store ← table ← {commit, gold, check, query}     model ← exchange     source ← {cloud, xtask}
//! ```
//!
//! Stages never use each other. Only `table` has the table library and the SQL engine. Tests may
//! use more: a dev-dependency is free, except on a crate at the top.

use serde::Deserialize;

/// A crate of ours and what it depends on, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Dependencies of the product.
    pub(crate) normal: Vec<String>,
    /// Dependencies of its tests alone.
    pub(crate) dev: Vec<String>,
}

/// What each crate of ours may use of ours.
const RULES: &[(&str, &[&str])] = &[
    // pure: bars in, columns out
    ("series", &[]),
    ("model", &["series"]),
    ("store", &["model"]),
    ("source", &["model"]),
    ("stage", &["model", "store", "source"]),
    ("table", &["model", "store"]),
    // pure: figures in, files out
    ("page", &[]),
    ("plan", &["model", "store", "source", "stage"]),
    ("bronze", &["model", "store", "source", "stage"]),
    ("silver", &["model", "store", "source", "stage"]),
    ("commit", &["model", "store", "source", "stage", "table"]),
    ("gold", &["model", "store", "source", "stage", "table", "series"]),
    ("check", &["model", "store", "source", "stage", "table"]),
    ("publish", &["model", "store", "source", "stage", "table", "page"]),
    ("query", &["model", "store", "source", "stage", "table"]),
    // the second opinion: it must not share what it is compared with
    ("exchange", &["model"]),
    ("cloud", &["model", "source"]),
    ("xtask", &["model", "source"]),
    // end-to-end tests: may use everything, and nothing uses them
    (
        "e2e",
        &[
            "model", "store", "source", "stage", "table", "plan", "bronze", "silver", "commit",
            "gold", "check", "query", "exchange", "publish",
        ],
    ),
];

/// Libraries that only some crates may name, by prefix, with the reason.
const HEAVY: &[(&str, &[&str], &str)] = &[
    ("deltalake", &["table"], "the table library is used through `table` alone"),
    ("datafusion", &["table"], "the SQL engine is used through `table` alone"),
    ("aws-", &["cloud"], "AWS is called by `cloud` alone; jobs know S3 through `store`"),
];

/// Libraries that xtask must not have, so that it builds in seconds.
const NOT_IN_XTASK: &[&str] =
    &["tokio", "arrow", "parquet", "object_store", "reqwest", "hyper", "futures"];

/// What `cargo metadata --no-deps` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for a dependency of the product.
    kind: Option<String>,
}

/// Our crates, from what `cargo metadata --no-deps` says.
pub(crate) fn crates(metadata: &[u8]) -> serde_json::Result<Vec<Crate>> {
    let metadata: Metadata = serde_json::from_slice(metadata)?;
    let of = |package: Package| {
        let (dev, normal): (Vec<_>, Vec<_>) =
            package.dependencies.into_iter().partition(|d| d.kind.as_deref() == Some("dev"));
        let names = |list: Vec<Dependency>| list.into_iter().map(|d| d.name).collect();
        Crate { name: package.name, normal: names(normal), dev: names(dev) }
    };
    Ok(metadata.packages.into_iter().map(of).collect())
}

/// Every direction that is broken.
pub(crate) fn faults(crates: &[Crate]) -> Vec<String> {
    let ours = |name: &str| crates.iter().any(|c| c.name == name);
    let mut faults = Vec::new();
    for krate in crates {
        let name = krate.name.as_str();
        let Some((_, allowed)) = RULES.iter().find(|(rule, _)| *rule == name) else {
            faults.push(format!(
                "crate `{name}` stands in no rule; say in xtask/src/tidy/directions.rs what it may use"
            ));
            continue;
        };
        for other in &krate.normal {
            let other = other.as_str();
            if ours(other) && !allowed.contains(&other) {
                let may =
                    if allowed.is_empty() { "none of ours".into() } else { allowed.join(", ") };
                faults.push(format!(
                    "crate `{name}` depends on `{other}`; it may depend on {may} \
                     (docs/architecture.md)"
                ));
            }
            for (prefix, holders, reason) in HEAVY {
                if other.starts_with(prefix) && !holders.contains(&name) {
                    faults.push(format!("crate `{name}` depends on `{other}`; {reason}"));
                }
            }
            if name == "xtask" && NOT_IN_XTASK.contains(&other) {
                faults.push(format!(
                    "crate `xtask` depends on `{other}`; it must build in seconds, so spawn a job"
                ));
            }
        }
        for other in &krate.dev {
            if ["xtask", "e2e"].contains(&other.as_str()) {
                faults.push(format!("the tests of `{name}` depend on `{other}`; nothing may"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Vec<Crate> {
        RULES
            .iter()
            .map(|(name, allowed)| Crate {
                name: (*name).to_owned(),
                normal: allowed.iter().map(|a| (*a).to_owned()).collect(),
                dev: Vec::new(),
            })
            .collect()
    }

    /// The faults of a tree in which `name` also depends on `on`.
    fn check(name: &str, on: &str, dev: bool, expect: &[&str]) {
        let mut tree = tree();
        let krate = tree.iter_mut().find(|c| c.name == name).unwrap();
        if dev { &mut krate.dev } else { &mut krate.normal }.push(on.to_owned());
        assert_eq!(faults(&tree), expect);
    }

    #[test]
    fn the_rules_themselves_hold() {
        assert_eq!(faults(&tree()), Vec::<String>::new());
    }

    #[test]
    fn rules_are_free_of_cycles() {
        // a crate may only use those whose rule stands before its own, e2e's aside
        for (index, (name, allowed)) in RULES.iter().enumerate() {
            for other in *allowed {
                let at = RULES.iter().position(|(rule, _)| rule == other);
                assert!(at.is_some_and(|at| at < index), "{name} uses {other}");
            }
        }
    }

    #[test]
    fn broken_directions_are_told() {
        let may = "it may depend on model, store, source, stage (docs/architecture.md)";
        check("silver", "table", false, &[&format!("crate `silver` depends on `table`; {may}")]);
        check("plan", "silver", false, &[&format!("crate `plan` depends on `silver`; {may}")]);
        check(
            "series",
            "store",
            false,
            &["crate `series` depends on `store`; it may depend on none of ours \
               (docs/architecture.md)"],
        );
        check(
            "gold",
            "datafusion",
            false,
            &["crate `gold` depends on `datafusion`; the SQL engine is used through `table` alone"],
        );
        check(
            "xtask",
            "tokio",
            false,
            &["crate `xtask` depends on `tokio`; it must build in seconds, so spawn a job"],
        );
        check("gold", "e2e", true, &["the tests of `gold` depend on `e2e`; nothing may"]);
    }

    #[test]
    fn what_is_allowed_is_not_told() {
        check("table", "deltalake-core", false, &[]);
        check("table", "datafusion", false, &[]);
        check("silver", "arrow", false, &[]);
        check("silver", "exchange", true, &[]);
        check("silver", "datafusion", true, &[]);
    }

    #[test]
    fn what_cargo_says_is_read() {
        let metadata = r#"{"version": 1, "packages": [{"name": "silver", "id": "x", "dependencies": [
            {"name": "table", "kind": null, "req": "*"}, {"name": "cc", "kind": "build"},
            {"name": "exchange", "kind": "dev"}]}]}"#;
        let crates = crates(metadata.as_bytes()).unwrap();
        assert_eq!(crates[0].normal, ["table", "cc"]);
        assert_eq!(crates[0].dev, ["exchange"]);
        assert!(faults(&crates).is_empty(), "`table` is no crate of that workspace");
    }

    #[test]
    fn a_new_crate_needs_a_rule() {
        let mut tree = tree();
        tree.push(Crate { name: "replay".into(), ..Crate::default() });
        let faults = faults(&tree);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("crate `replay` stands in no rule"), "{faults:?}");
    }
}
