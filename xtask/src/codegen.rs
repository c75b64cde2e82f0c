//! `cargo xtask codegen`: the files that are made from the code, so that they cannot be wrong:
//! the reference pages of docs/reference, infra/contract.json, which Terraform reads, and the tables
//! in the READMEs of its modules.

mod contract;
mod reference;
mod terraform_docs;

use anyhow::Context as _;

use crate::workspace::root;

/// The arguments of `codegen`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the files that are made from the code: docs/reference/*.md, \
                  infra/contract.json, and the tables in infra/modules/*/README.md.",
    after_help = "Examples:\n  cargo xtask codegen\n  cargo xtask codegen --check"
)]
pub(crate) struct Args {
    /// Write nothing; fail where a file is not what the code says
    #[arg(long)]
    check: bool,
}

/// All files, by path from the root.
fn files() -> anyhow::Result<Vec<(String, String)>> {
    let pages = [
        ("docs/reference/README.md", reference::readme()),
        ("docs/reference/tables.md", reference::tables()),
        ("docs/reference/layout.md", reference::layout()?),
        ("docs/reference/environment.md", reference::environment()),
        ("docs/reference/configuration.md", reference::configuration()?),
        ("docs/reference/metrics.md", reference::metrics()),
        ("docs/reference/commands.md", reference::commands()),
        ("infra/contract.json", contract::contract()?),
    ];
    let mut files: Vec<_> = pages.map(|(path, text)| (path.to_owned(), text)).into();
    files.extend(terraform_docs::readmes()?);
    Ok(files)
}

/// The files that are not what the code says.
pub(crate) fn stale() -> anyhow::Result<Vec<String>> {
    let differs = |path: &str, text: &str| {
        std::fs::read_to_string(root().join(path)).map_or(true, |found| found != text)
    };
    let files = files()?.into_iter();
    Ok(files.filter(|(path, text)| differs(path, text)).map(|(path, _)| path).collect())
}

/// Writes the files, or checks them.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let stale = stale()?;
    if args.check {
        for path in &stale {
            println!("{path} is not what the code says; type `cargo xtask codegen`");
        }
        if stale.is_empty() {
            println!("codegen: every file is what the code says");
        }
        return Ok(u8::from(!stale.is_empty()));
    }
    for (path, text) in files()?.into_iter().filter(|(path, _)| stale.contains(path)) {
        let file = root().join(&path);
        let write = || {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&file, text)
        };
        write().with_context(|| format!("cannot write `{path}`"))?;
        println!("wrote {path}");
    }
    if stale.is_empty() {
        println!("codegen: every file was what the code says");
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_makes_the_same_files() {
        assert_eq!(files().unwrap(), files().unwrap());
    }

    #[test]
    fn pages_are_whole() {
        for (path, text) in files().unwrap() {
            assert!(text.ends_with('\n') && text.len() > 100, "{path}");
            if path != "infra/contract.json" {
                assert!(text.starts_with("# "), "{path}");
                assert!(text.contains("cargo xtask codegen"), "{path} says what made it");
            }
        }
    }
}
