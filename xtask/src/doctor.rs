//! `cargo xtask doctor`: what this machine has, what is missing, and what to do about it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::human;
use crate::workspace::{programs, root, shown};

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check what this machine has and needs, with what to do for each.",
    after_help = "Examples:\n  cargo xtask doctor"
)]
pub(crate) struct Args {}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// As it should be.
    Good(String),
    /// Something is not there that some commands want; what to do.
    Optional(String, &'static str),
    /// Something is not there that everything wants; what to do.
    Bad(String, &'static str),
}

/// Free disk that a build and a demo take, in MiB.
const DISK: u64 = 8 << 10;
/// Memory that linking and a run take, in MiB.
const MEMORY: u64 = 3 << 10;

/// Checks everything.
pub(crate) fn run(_args: &Args) -> anyhow::Result<u8> {
    let findings = [
        ("rust", rust()),
        ("cores", cores()),
        ("memory", memory()),
        ("disk", disk()),
        ("target", target()?),
        (
            "git",
            tool(
                "git",
                &["--version"],
                "install git: `cargo xtask tidy` lists files with it",
                true,
            ),
        ),
        ("rustfmt", tool("cargo", &["fmt", "--version"], "`rustup component add rustfmt`", false)),
        ("clippy", tool("cargo", &["clippy", "--version"], "`rustup component add clippy`", false)),
        (
            "python3",
            tool(
                "python3",
                &["--version"],
                "install Python 3.11 with venv: other readers are compared with it, benches run peers",
                false,
            ),
        ),
        (
            "terraform",
            tool(
                "terraform",
                &["version"],
                "install Terraform 1.11: infra/ is checked with it",
                false,
            ),
        ),
        ("docker", docker()),
        (
            "aws",
            tool(
                "aws",
                &["--version"],
                "install the AWS command line: images are pushed with it",
                false,
            ),
        ),
        (
            "go",
            tool(
                "go",
                &["version"],
                "install Go 1.24: actionlint and a server of S3 for tests are built with it",
                false,
            ),
        ),
        (
            "maven",
            tool(
                "mvn",
                &["--version"],
                "install Maven: the engine behind the emulated Athena is fetched with it",
                false,
            ),
        ),
        (
            "shellcheck",
            tool(
                "shellcheck",
                &["--version"],
                "install shellcheck: scripts are linted with it",
                false,
            ),
        ),
    ];
    let rows: Vec<Vec<String>> = findings
        .iter()
        .map(|(name, finding)| {
            let (sign, what, advice) = match finding {
                Finding::Good(what) => ("ok", what, ""),
                Finding::Optional(what, advice) => ("--", what, *advice),
                Finding::Bad(what, advice) => ("NO", what, *advice),
            };
            let advice = if advice.is_empty() { String::new() } else { format!("-> {advice}") };
            vec![sign.to_owned(), (*name).to_owned(), what.clone(), advice]
        })
        .collect();
    for line in human::columns(&rows) {
        println!("{line}");
    }
    let bad = findings.iter().filter(|(_, f)| matches!(f, Finding::Bad(..))).count();
    println!();
    if bad == 0 {
        println!("all that is needed is here; next: cargo xtask demo");
    } else {
        println!("{} to mend first", human::plural(bad as u64, "thing"));
    }
    Ok(u8::from(bad > 0))
}

/// The first line that a program says.
fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

/// Whether a program answers.
pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    first_line(program, args).is_some()
}

fn tool(program: &str, args: &[&str], advice: &'static str, needed: bool) -> Finding {
    match first_line(program, args) {
        Some(line) => Finding::Good(line),
        None if needed => Finding::Bad("not found".into(), advice),
        None => Finding::Optional("not found".into(), advice),
    }
}

/// Docker: its client, and an engine that answers it.
fn docker() -> Finding {
    let client = tool("docker", &["--version"], "install Docker: images are built with it", false);
    match client {
        Finding::Good(line) if !answers("docker", &["info"]) => Finding::Optional(
            format!("{line}, no engine answers"),
            "start Docker to build images; the tests start an engine of their own where they can",
        ),
        other => other,
    }
}

fn rust() -> Finding {
    const ADVICE: &str = "install rustup: it fetches the version that rust-toolchain.toml names";
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    match first_line("rustc", &["--version"]) {
        Some(line) if is_at_least(&line, wanted) => Finding::Good(line),
        Some(line) => Finding::Bad(format!("{line}, expected at least {wanted}"), ADVICE),
        None => Finding::Bad("not found".into(), ADVICE),
    }
}

/// Whether `rustc 1.95.0 (…)` is at least `1.95`.
fn is_at_least(line: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(['.', '-']).map_while(|part| part.parse().ok()).collect()
    };
    line.split_whitespace().nth(1).is_some_and(|found| numbers(found) >= numbers(wanted))
}

fn cores() -> Finding {
    match std::thread::available_parallelism() {
        Ok(n) if n.get() > 1 => Finding::Good(n.to_string()),
        Ok(_) => Finding::Optional("1".into(), "expect the first build to take 20 minutes"),
        Err(_) => Finding::Optional("unknown".into(), "nothing; two or more are good"),
    }
}

/// MiB of memory, from the text of /proc/meminfo.
fn memory_mib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib >> 10)
}

fn memory() -> Finding {
    let Some(mib) = std::fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(memory_mib)
    else {
        return Finding::Optional("unknown on this system".into(), "3 GiB should be free");
    };
    let text = format!("{} free", human::bytes(mib << 20));
    if mib >= MEMORY {
        Finding::Good(text)
    } else {
        Finding::Bad(text, "free 3 GiB, or build with `cargo build -j1` first")
    }
}

/// MiB free, from what `df -Pk` says.
fn free_mib(text: &str) -> Option<u64> {
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

fn disk() -> Finding {
    let output = Command::new("df").arg("-Pk").arg(root()).output().ok();
    let free = output.and_then(|o| free_mib(&String::from_utf8_lossy(&o.stdout)));
    match free {
        None => Finding::Optional("unknown".into(), "8 GiB should be free"),
        Some(mib) if mib >= DISK => Finding::Good(format!("{} free", human::bytes(mib << 20))),
        Some(mib) => Finding::Bad(
            format!("{} free", human::bytes(mib << 20)),
            "free 8 GiB, or point CARGO_TARGET_DIR at a larger disk",
        ),
    }
}

fn target() -> anyhow::Result<Finding> {
    let folder = programs()?;
    let probe = folder.join(".doctor");
    let written = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    let lake = root().join("target");
    let lake_written = std::fs::create_dir_all(&lake);
    Ok(match (written, lake_written) {
        (Ok(()), Ok(())) => Finding::Good(format!("can write {}", shown(Path::new(&folder)))),
        (Err(error), _) | (_, Err(error)) => Finding::Bad(
            format!("cannot write {}: {error}", shown(&folder)),
            "correct its owner, or point CARGO_TARGET_DIR elsewhere",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_at_least("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"));
        assert!(is_at_least("rustc 1.100.2-nightly (x)", "1.95"));
        assert!(!is_at_least("rustc 1.94.9 (x)", "1.95"));
        assert!(!is_at_least("", "1.95"));
    }

    #[test]
    fn figures_are_read() {
        assert_eq!(memory_mib("MemTotal: 1 kB\nMemAvailable:   24117248 kB\n"), Some(23_552));
        assert_eq!(memory_mib("nothing"), None);
        let df =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 1 2 10240 3% /\n";
        assert_eq!(free_mib(df), Some(10));
    }
}
