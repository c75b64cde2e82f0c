//! `cargo xtask codegen`: the files that are made from the code, so that they cannot be wrong:
//! the reference pages of docs/reference and infra/contract.json, which Terraform reads.

mod contract;
mod reference;

use anyhow::Context as _;

use crate::workspace::root;

/// The arguments of `codegen`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the files that are made from the code: docs/reference/*.md and \
                  infra/contract.json.",
    after_help = "Examples:\n  cargo xtask codegen\n  cargo xtask codegen --check"
)]
pub(crate) struct Args {
    /// Write nothing; fail where a file is not what the code says
    #[arg(long)]
    check: bool,
}

/// All files, by path from the root.
fn files() -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("docs/reference/README.md", reference::readme()),
        ("docs/reference/tables.md", reference::tables()),
        ("docs/reference/layout.md", reference::layout()?),
        ("docs/reference/environment.md", reference::environment()),
        ("docs/reference/configuration.md", reference::configuration()?),
        ("docs/reference/metrics.md", reference::metrics()),
        ("docs/reference/commands.md", reference::commands()),
        ("infra/contract.json", contract::contract()?),
    ])
}

/// The files that are not what the code says.
pub(crate) fn stale() -> anyhow::Result<Vec<&'static str>> {
    let differs = |path: &str, text: &str| {
        std::fs::read_to_string(root().join(path)).map_or(true, |found| found != text)
    };
    Ok(files()?.into_iter().filter(|(path, text)| differs(path, text)).map(|(p, _)| p).collect())
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
        let file = root().join(path);
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
