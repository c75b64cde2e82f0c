//! The tables of inputs and outputs in the README of each Terraform module, in the form of
//! terraform-docs' `markdown table`, between its two marks. What stands around them people write.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

use crate::workspace::root;

/// The folder of modules.
const MODULES: &str = "infra/modules";
/// Where the tables begin.
const BEGIN: &str = "<!-- BEGIN_TF_DOCS -->";
/// Where they end.
const END: &str = "<!-- END_TF_DOCS -->";

/// Every module's README, with its tables as its code says them.
pub(super) fn readmes() -> anyhow::Result<Vec<(String, String)>> {
    let folder = root().join(MODULES);
    let mut modules: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read `{MODULES}`"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("variables.tf").is_file() || path.join("main.tf").is_file())
        .collect();
    modules.sort();
    modules.iter().map(|module| readme(module)).collect()
}

fn readme(module: &Path) -> anyhow::Result<(String, String)> {
    let name = module.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let path = format!("{MODULES}/{name}/README.md");
    let text = std::fs::read_to_string(module.join("README.md"))
        .with_context(|| format!("cannot read `{path}`; say there what the module is for"))?;
    let tables = tables(&body(module)?).with_context(|| format!("{MODULES}/{name}"))?;
    let text = within(&text, &tables).with_context(|| path.clone())?;
    Ok((path, text))
}

/// A module's blocks, of all its files.
fn body(module: &Path) -> anyhow::Result<Vec<Block>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(module)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "tf"))
        .collect();
    files.sort();
    let mut blocks = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let body = text.parse::<Body>();
        let body = body.with_context(|| format!("cannot read `{}`", file.display()))?;
        blocks.extend(body.into_blocks());
    }
    Ok(blocks)
}

/// A text with the tables between its marks, or at its end where it has none.
fn within(text: &str, tables: &str) -> anyhow::Result<String> {
    let block = format!("{BEGIN}\n{tables}{END}\n");
    if !text.contains(BEGIN) && !text.contains(END) {
        return Ok(format!("{}\n\n{block}", text.trim_end()));
    }
    let once = |mark: &str| text.matches(mark).count() == 1;
    let around = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    match around {
        Some((before, after)) if once(BEGIN) && once(END) => {
            Ok(format!("{before}{block}{}", after.trim_start_matches('\n')))
        }
        _ => bail!("expected `{BEGIN}` and after it `{END}`, each once, or neither"),
    }
}

/// The blocks of a kind by name.
fn named<'a>(blocks: &'a [Block], kind: &str) -> Vec<(&'a str, &'a Block)> {
    let mut named: Vec<_> = blocks
        .iter()
        .filter(|block| block.has_ident(kind))
        .filter_map(|block| Some((block.labels.first()?.as_str(), block)))
        .collect();
    named.sort_by_key(|(name, _)| *name);
    named
}

fn tables(blocks: &[Block]) -> anyhow::Result<String> {
    let mut text = "## Inputs\n\nMade by `cargo xtask codegen`; do not edit.\n\n".to_owned();
    let inputs = named(blocks, "variable");
    if inputs.is_empty() {
        text.push_str("No inputs.\n");
    } else {
        text.push_str("| Name | Description | Type | Default | Required |\n");
        text.push_str("|------|-------------|------|---------|:--------:|\n");
    }
    for (name, block) in inputs {
        let kind = block.body.get_attribute("type").map(|a| cell(&a.value));
        let kind = kind.with_context(|| format!("variable `{name}` has no type"))?;
        let default = block.body.get_attribute("default").map(|a| cell(&a.value));
        let _ = writeln!(
            text,
            "| {} | {} | {kind} | {} | {} |",
            anchor("input", name),
            description("variable", name, block)?,
            default.as_deref().unwrap_or("n/a"),
            if default.is_none() { "yes" } else { "no" }
        );
    }
    text.push_str("\n## Outputs\n\n");
    let outputs = named(blocks, "output");
    if outputs.is_empty() {
        text.push_str("No outputs.\n");
    } else {
        text.push_str("| Name | Description |\n|------|-------------|\n");
    }
    for (name, block) in outputs {
        let meaning = description("output", name, block)?;
        let _ = writeln!(text, "| {} | {meaning} |", anchor("output", name));
    }
    Ok(text)
}

fn anchor(kind: &str, name: &str) -> String {
    let escaped = name.replace('_', "\\_");
    format!("<a name=\"{kind}_{name}\"></a> [{escaped}](#{kind}\\_{escaped})")
}

fn description(kind: &str, name: &str, block: &Block) -> anyhow::Result<String> {
    let given = block.body.get_attribute("description");
    let given = given.with_context(|| format!("{kind} `{name}` has no description"))?;
    // a cell of a table has one line
    let text = given.value.as_str().filter(|text| !text.contains('\n')).with_context(|| {
        format!("the description of {kind} `{name}` is not one line in quotes, as a table needs it")
    })?;
    Ok(text.replace('|', "\\|").replace('<', "&lt;"))
}

/// An expression as it stands in the code, in a cell of a table.
fn cell(value: &Expression) -> String {
    let text = value.to_string();
    let text = text.trim().replace('|', "\\|");
    if text.contains('\n') {
        format!("<pre>{}</pre>", text.replace('\n', "<br/>"))
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use hcl_edit::structure::BlockLabel;

    use super::*;

    fn blocks(text: &str) -> Vec<Block> {
        text.parse::<Body>().unwrap().into_blocks().collect()
    }

    #[test]
    fn tables_are_those_of_terraform_docs() {
        let text = tables(&blocks(
            r#"
variable "mode" {
  description = "public: a|b <env>"
  type        = string
  default     = "public"
}
variable "a_name" {
  description = "Name."
  type = object({
    x = optional(string, "y")
  })
}
output "id" {
  description = "Id."
  value       = 1
}
"#,
        ))
        .unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| line.contains("<a name")).collect();
        assert_eq!(
            rows,
            [
                "| <a name=\"input_a_name\"></a> [a\\_name](#input\\_a\\_name) | Name. | \
                 <pre>object({<br/>    x = optional(string, \"y\")<br/>  })</pre> | n/a | yes |",
                "| <a name=\"input_mode\"></a> [mode](#input\\_mode) | public: a\\|b &lt;env> | \
                 `string` | `\"public\"` | no |",
                "| <a name=\"output_id\"></a> [id](#output\\_id) | Id. |",
            ]
        );
    }

    #[test]
    fn what_says_nothing_of_itself_is_refused() {
        let check = |text: &str, expect: &str| {
            assert_eq!(tables(&blocks(text)).unwrap_err().to_string(), expect);
        };
        check("variable \"x\" {\n  description = \"d\"\n}\n", "variable `x` has no type");
        check("variable \"x\" {\n  type = string\n}\n", "variable `x` has no description");
        check("output \"x\" {\n  value = 1\n}\n", "output `x` has no description");
        let lines = "the description of output `x` is not one line in quotes, as a table needs it";
        check("output \"x\" {\n  description = <<-EOT\n    d\n  EOT\n}\n", lines);
        check("output \"x\" {\n  description = \"d\\ne\"\n}\n", lines);
    }

    #[test]
    fn what_people_write_stays() {
        let once = within("# x\n\nWords.\n", "T\n").unwrap();
        assert_eq!(once, format!("# x\n\nWords.\n\n{BEGIN}\nT\n{END}\n"));
        let again = within(&format!("{once}\nMore.\n"), "U\n").unwrap();
        assert_eq!(again, format!("# x\n\nWords.\n\n{BEGIN}\nU\n{END}\nMore.\n"));
        let refused = |marks: &[&str]| assert!(within(&marks.join("\n"), "T\n").is_err());
        refused(&[BEGIN]);
        refused(&[END]);
        refused(&[END, BEGIN]);
        refused(&[BEGIN, END, END]);
        refused(&[BEGIN, BEGIN, END]);
        refused(&[END, BEGIN, END]);
    }

    /// `type.name` or `module.name` of an address, without its index.
    fn head(address: &str) -> (String, Option<String>) {
        let mut parts = address.split('.');
        let two = [parts.next().unwrap(), parts.next().unwrap()].join(".");
        let rest: Vec<&str> = parts.collect();
        let bare = two.split('[').next().unwrap().to_owned();
        (bare, (!rest.is_empty()).then(|| rest.join(".")))
    }

    /// Resources and modules of a module, as `type.name` and `module.name`.
    fn made(module: &Path) -> Vec<String> {
        body(module)
            .unwrap()
            .iter()
            .filter(|block| block.has_ident("resource") || block.has_ident("module"))
            .map(|block| {
                let labels: Vec<&str> = block.labels.iter().map(BlockLabel::as_str).collect();
                match labels.as_slice() {
                    [name] => format!("module.{name}"),
                    labels => labels.join("."),
                }
            })
            .collect()
    }

    /// What a deployment has must be found again by the code that follows: an address that moves to
    /// nowhere is destroyed, and one that is still made somewhere is not where it was.
    #[test]
    fn what_moved_has_arrived() {
        let mut count = 0;
        for (path, _) in readmes().unwrap() {
            let folder = root().join(path).parent().unwrap().to_owned();
            for block in body(&folder).unwrap() {
                if !block.has_ident("moved") {
                    continue;
                }
                let address = |key| {
                    block.body.get_attribute(key).unwrap().value.to_string().trim().to_owned()
                };
                let (from, to) = (address("from"), address("to"));
                let (head_of_to, inside) = head(&to);
                assert!(made(&folder).contains(&head_of_to), "{to}: nothing makes it");
                if let Some(inside) = inside {
                    let module = head_of_to.trim_start_matches("module.");
                    let there = made(&folder.parent().unwrap().join(module));
                    assert!(there.contains(&head(&inside).0), "{to}: nothing makes it");
                }
                let (head_of_from, inside) = head(&from);
                let stays = made(&folder).contains(&head_of_from);
                match inside {
                    // an index is new, or the name is old
                    None => assert!(!stays || head_of_from == head_of_to, "{from} is made still"),
                    Some(inside) => {
                        let module = head_of_from.trim_start_matches("module.");
                        let there = made(&folder.parent().unwrap().join(module));
                        assert!(!there.contains(&head(&inside).0), "{from} is made still");
                    }
                }
                count += 1;
            }
        }
        assert!(count > 20, "{count} moved blocks");
    }
}
