//! Whether the boundary of an environment's roles, as the account has it, allows what this version
//! needs. No role does more than its boundary says: under an older one a deployment ends well, and
//! all its tasks fail. So a bootstrap notes what its boundaries allow, and who deploys compares.
//!
//! The note is the state of a root that makes nothing, in the environment's own folder of the
//! states' bucket. Of all that an account knows, GitHub's deploy roles may read that alone, also
//! those that a former bootstrap made: neither its state nor IAM's policies.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, bail};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use serde_json::Value;

use super::terraform::Terraform;
use super::{EMULATED, Site, folder};
use crate::workspace::{root, shown};

/// Where the boundary is written.
const SOURCE: &str = "infra/bootstrap/permissions.tf";
/// The root of the note.
const ROOT: &str = r#"# made by `cargo xtask`: a note, and nothing else
terraform {
  backend "s3" {}
}

variable "allows" {
  type = string
}

output "allows" {
  value = var.allows
}
"#;
/// Actions that are named of those that an older boundary lacks.
const NAMED: usize = 5;

/// Notes what the boundaries allow that a bootstrap has just made.
pub(super) fn note(site: &Site, account: &str, environments: &[String]) -> anyhow::Result<()> {
    let allows = serde_json::to_string(&needed()?)?;
    for environment in environments {
        let mut note = open(site, account, environment)?;
        note.set(&[("allows", allows.clone())]);
        note.keep("note what the boundary allows")?;
    }
    Ok(())
}

/// Refuses to go on where the account's boundary is older than this version.
pub(super) fn check(site: &Site, account: &str) -> anyhow::Result<()> {
    // there no role has one
    if site.name == EMULATED {
        return Ok(());
    }
    let outputs = open(site, account, &site.name)?.outputs()?;
    judged(&needed()?, &outputs["allows"]["value"], &site.name)
}

/// The note of an environment.
fn open(site: &Site, account: &str, environment: &str) -> anyhow::Result<Terraform> {
    let root = folder(environment).join("boundary");
    fs::create_dir_all(&root).with_context(|| format!("cannot make `{}`", shown(&root)))?;
    let file = root.join("main.tf");
    fs::write(&file, ROOT).with_context(|| format!("cannot write `{}`", shown(&file)))?;
    let note = Terraform::of_note(site, account, root, &format!("{environment}/boundary.tfstate"))?;
    note.init()?;
    Ok(note)
}

/// What the boundary of this version allows.
fn needed() -> anyhow::Result<BTreeSet<String>> {
    let text = fs::read_to_string(root().join(SOURCE));
    allowed(&text.with_context(|| format!("cannot read `{SOURCE}`"))?)
}

/// What the boundary in a text of Terraform allows: each action, on what, and on which conditions,
/// as it is written there.
fn allowed(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let body = text.parse::<Body>();
    let body = body.with_context(|| format!("cannot read `{SOURCE}`"))?;
    let mut grants = BTreeSet::new();
    for document in body.get_blocks("data") {
        if !document.has_exact_labels(&["aws_iam_policy_document", "boundary"]) {
            continue;
        }
        for statement in document.body.get_blocks("statement") {
            let mut rest = written(statement, "resources");
            for condition in statement.body.get_blocks("condition") {
                for name in ["test", "variable", "values"] {
                    rest.push(' ');
                    rest.push_str(&written(condition, name));
                }
            }
            let actions = statement.body.get_attribute("actions").map(|actions| &actions.value);
            let actions = actions.and_then(Expression::as_array);
            for action in actions.with_context(|| format!("{SOURCE}: no list of actions"))? {
                let action = action.as_str().map_or_else(|| one_line(action), ToOwned::to_owned);
                grants.insert(format!("{action} on {rest}"));
            }
        }
    }
    if grants.is_empty() {
        bail!("{SOURCE} says nothing of a boundary");
    }
    Ok(grants)
}

/// An attribute's value as it is written; nothing where there is none.
fn written(block: &Block, name: &str) -> String {
    block.body.get_attribute(name).map(|attribute| one_line(&attribute.value)).unwrap_or_default()
}

fn one_line(value: &Expression) -> String {
    value.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Refuses what lacks something that is needed. `noted`: what the last bootstrap has noted.
fn judged(needed: &BTreeSet<String>, noted: &Value, environment: &str) -> anyhow::Result<()> {
    let noted: Option<BTreeSet<String>> =
        noted.as_str().and_then(|text| serde_json::from_str(text).ok());
    let why = if let Some(noted) = noted {
        let lacking: BTreeSet<&str> =
            needed.difference(&noted).filter_map(|grant| grant.split(' ').next()).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let more = if lacking.len() > NAMED { ", …" } else { "" };
        let named: Vec<&str> = lacking.into_iter().take(NAMED).collect();
        format!("it does not allow, or not as it is meant now: {}{more}", named.join(", "))
    } else {
        "the bootstrap that made it notes nothing of what it allows".to_owned()
    };
    bail!(
        "the boundary of {environment}'s roles is older than this version ({why}), and tasks \
         would fail under it: nothing was changed; somebody who may make roles has to type `cargo \
         xtask bootstrap --env {environment}`, then type the same command again"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn boundary(actions: &str, resources: &str) -> String {
        format!(
            "data \"aws_iam_policy_document\" \"look\" {{\n  statement {{\n    actions = \
             [\"a:Other\"]\n  }}\n}}\n\ndata \"aws_iam_policy_document\" \"boundary\" {{\n  \
             statement {{\n    sid       = \"Lake\"\n    actions   = [{actions}]\n    resources = \
             {resources}\n\n    condition {{\n      test     = \"StringLike\"\n      variable = \
             \"x:Via\"\n      values   = [\"s3\"]\n    }}\n  }}\n}}\n"
        )
    }

    #[test]
    fn a_boundary_is_read_as_it_is_written() {
        let grants = allowed(&boundary("\"s3:Get\", \"s3:Put\"", "[\n  a,\n  b\n]")).unwrap();
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        assert_eq!(
            grants,
            [
                "s3:Get on [ a, b ] \"StringLike\" \"x:Via\" [\"s3\"]",
                "s3:Put on [ a, b ] \"StringLike\" \"x:Via\" [\"s3\"]",
            ]
        );
        assert!(allowed("").is_err());
        assert!(allowed(&boundary("\"s3:Get\"", "x").replace("[\"s3:Get\"]", "local.y")).is_err());
    }

    #[test]
    fn the_repository_has_one() {
        let needed = needed().unwrap();
        assert!(needed.iter().any(|grant| grant.starts_with("s3:GetObject on ")), "{needed:?}");
        assert!(needed.iter().any(|grant| grant.starts_with("ecs:RunTask on ")), "{needed:?}");
    }

    #[test]
    fn an_older_boundary_is_refused() {
        let of = |actions: &str, on: &str| allowed(&boundary(actions, on)).unwrap();
        let noted = |grants: &BTreeSet<String>| json!(serde_json::to_string(grants).unwrap());
        let this = of("\"s3:Get\", \"s3:GetObjectVersion\"", "[a]");
        let check = |noted: &Value, expect: &str| {
            let error = judged(&this, noted, "dev").unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
            assert!(error.contains("type `cargo xtask bootstrap --env dev`"), "{error}");
        };
        check(&noted(&of("\"s3:Get\"", "[a]")), "now: s3:GetObjectVersion)");
        check(&noted(&of("\"s3:Get\", \"s3:GetObjectVersion\"", "[b]")), "now: s3:Get, s3:GetO");
        // an account that was bootstrapped before there were notes
        check(&Value::Null, "notes nothing");
        check(&json!("what is no list"), "notes nothing");
        // the same, or one of a later version
        judged(&this, &noted(&this), "dev").unwrap();
        let later = of("\"s3:Get\", \"s3:GetObjectVersion\", \"s3:Put\"", "[a]");
        judged(&this, &noted(&later), "dev").unwrap();
    }
}
