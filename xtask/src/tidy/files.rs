//! The rules of files: their length, their first line, words that must not stay in them, and
//! which ones must be there.

use std::path::Path;

/// Lines that a file of code may have.
const LONGEST: usize = 600;
/// Endings of files of code.
const CODE: &[&str] = &["rs", "py", "sh", "sql", "tf", "hcl"];
/// Folders whose README a newcomer would open.
const FOLDERS: &[&str] = &["", "docs", "docs/decisions", "infra", "jobs", "ops", "sql", "xtask"];

/// Archives of a provider at least: Linux, macOS and Windows, of Intel and ARM.
const ARCHIVES: usize = 6;

/// What must not stay in code, and what to do instead. Written in two halves, or this file
/// would be at fault.
const WORDS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it, or file an issue"),
    (concat!("FIX", "ME"), "mend it, or file an issue"),
    (concat!("XX", "X"), "say it in words, or file an issue"),
    (concat!("todo", "!("), "do it"),
    (concat!("unimplemented", "!("), "do it"),
    (concat!("dbg", "!("), "take it out"),
    (concat!("#[ign", "ore"), "a test that does not run is no test"),
    (concat!("allow(dead", "_code"), "take out what is not used"),
];

/// The rules of one file of the tree. `path` is relative to the root, with `/`.
pub(crate) fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let ending = Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or_default();
    if CODE.contains(&ending) {
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!(
                "{path}:{lines}: {lines} lines, expected at most {LONGEST}; would two rooms be better?"
            ));
        }
        for (index, line) in text.lines().enumerate() {
            for (word, instead) in WORDS {
                if line.contains(word) {
                    faults.push(format!("{path}:{}: `{word}`; {instead}", index + 1));
                }
            }
        }
    }
    if ending == "rs" {
        if !text.starts_with("//!") {
            faults
                .push(format!("{path}:1: no `//!` header; say what lives here and what does not"));
        }
        faults.extend(variables(path, text));
    }
    if Path::new(path).file_name().is_some_and(|name| name == "Cargo.toml") && path != "Cargo.toml"
    {
        faults.extend(manifest(path, text));
    }
    if path.ends_with(".terraform.lock.hcl") {
        faults.extend(lock(path, text));
    }
    if path == "CHANGELOG.md" && !text.lines().any(|line| line.trim() == "## Unreleased") {
        faults.push(format!("{path}:1: no section `## Unreleased`; changes are noted there"));
    }
    faults
}

/// A provider's checksums are those of every platform: `zh:` of each archive that its registry
/// signs. Where it came from a mirror, `terraform init` notes the one of this machine alone, and
/// fails on every other.
fn lock(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    // a provider's line, and the archives that stand below it
    let mut providers: Vec<(usize, &str, usize)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("provider ") {
            let name = rest.trim_end_matches(['{', ' ']).trim_matches('"');
            providers.push((index + 1, name, 0));
        } else if let Some(sum) = line.strip_prefix("\"zh:")
            && let Some((.., archives)) = providers.last_mut()
        {
            *archives += 1;
            let sum = sum.trim_end_matches(['"', ',']);
            if sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
                faults.push(format!("{path}:{}: `{sum}` is no SHA-256", index + 1));
            }
        }
    }
    if providers.is_empty() {
        faults.push(format!("{path}:1: no provider is locked"));
    }
    for (line, name, _) in providers.iter().filter(|(.., archives)| *archives < ARCHIVES) {
        faults.push(format!(
            "{path}:{line}: {name} has checksums of too few platforms; where the registry answers, \
             type `terraform providers lock -platform=linux_amd64 -platform=darwin_arm64`"
        ));
    }
    faults
}

/// Our environment variables are named in the registry alone.
fn variables(path: &str, text: &str) -> Vec<String> {
    if path == "jobs/lib/model/src/env.rs" {
        return Vec::new();
    }
    let name = concat!("\"MARKET", "_LAKE_");
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.contains(name))
        .map(|(index, _)| {
            format!(
                "{path}:{}: an environment variable by its name; register it in model::env and \
                 use the constant",
                index + 1
            )
        })
        .collect()
}

/// A member takes versions and lints from the workspace.
fn manifest(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut section = "";
    let mut lints = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies") && line.contains('=') && !line.starts_with('#') {
            // `foo.workspace = true`, or a table that says so
            if !line.replace(' ', "").contains("workspace=true") {
                faults.push(format!(
                    "{path}:{}: `{line}`; versions stand once, in the root's \
                     [workspace.dependencies]: write `name.workspace = true`",
                    index + 1
                ));
            }
        } else if section == "[lints]" && line.replace(' ', "") == "workspace=true" {
            lints = true;
        }
    }
    if !lints {
        faults.push(format!("{path}:1: no `[lints] workspace = true`; all crates have the same"));
    }
    faults
}

/// Files that must be there and are not, given all paths of the tree.
pub(crate) fn missing(paths: &[String]) -> Vec<String> {
    let there = |path: &str| paths.iter().any(|p| p == path);
    let mut faults: Vec<String> =
        FOLDERS
            .iter()
            .filter(|folder| {
                folder.is_empty() || paths.iter().any(|p| p.starts_with(&format!("{folder}/")))
            })
            .map(|folder| {
                if folder.is_empty() {
                    "README.md".to_owned()
                } else {
                    format!("{folder}/README.md")
                }
            })
            .chain(
                ["CHANGELOG.md", "LICENSE", "docs/architecture.md", "docs/style.md", ".ci/run"]
                    .map(str::to_owned),
            )
            .filter(|path| !there(path))
            .map(|path| format!("{path}: there is none; a newcomer would look for it"))
            .collect();
    for path in paths {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        let doors = [format!("{folder}/src/lib.rs"), format!("{folder}/src/main.rs")];
        if !doors.iter().any(|door| there(door)) {
            faults.push(format!("{folder}: neither src/lib.rs nor src/main.rs"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expect: &[&str]) {
        let found = faults(path, text);
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(&format!("{path}:{expect}")), "{found}");
        }
    }

    #[test]
    fn code_is_short_headed_and_done() {
        check("a.rs", "//! x\nfn f() {}\n", &[]);
        check("a.rs", "fn f() {}\n", &["1: no `//!` header"]);
        check("a.rs", &("//! x\n".to_owned() + &"\n".repeat(599)), &[]);
        check("a.rs", &("//! x\n".to_owned() + &"\n".repeat(600)), &["601: 601 lines"]);
        check("a.py", concat!("# TO", "DO: x\n"), &[concat!("1: `TO", "DO`")]);
        check("a.rs", concat!("//! x\ndbg", "!(1);\n"), &[concat!("2: `dbg", "!(`")]);
        check("a.md", concat!("TO", "DO\n"), &[]);
    }

    #[test]
    fn variables_are_registered() {
        let text = concat!("//! x\nlet x = \"MARKET", "_LAKE_X\";\n");
        check("a.rs", text, &["2: an environment variable"]);
        check("jobs/lib/model/src/env.rs", text, &[]);
    }

    #[test]
    fn members_state_no_versions() {
        let lints = "[lints]\nworkspace = true\n";
        let member = |dependencies: &str, expect: &[&str]| {
            check("a/Cargo.toml", &format!("{lints}{dependencies}"), expect);
        };
        member("[dependencies]\nfoo.workspace = true\n", &[]);
        member("[dependencies]\nfoo = { workspace = true, features = [\"x\"] }\n", &[]);
        member("[dependencies]\nfoo = \"1\"\n", &["4: `foo = \"1\"`"]);
        member("[dev-dependencies]\nfoo = { version = \"1\" }\n", &["4: `foo = {"]);
        check("a/Cargo.toml", "[package]\nname = \"a\"\n", &["1: no `[lints]"]);
        check("Cargo.toml", "[workspace.dependencies]\nfoo = \"1\"\n", &[]);
    }

    #[test]
    fn providers_are_locked_for_every_platform() {
        let lock = |sums: &[String]| {
            let sums = [&["h1:x=".to_owned()][..], sums].concat().join("\",\n    \"");
            format!("# x\nprovider \"r/a\" {{\n  hashes = [\n    \"{sums}\",\n  ]\n}}\n")
        };
        let path = "infra/x/.terraform.lock.hcl";
        let sums = |n: usize| -> Vec<String> { (0..n).map(|i| format!("zh:{i:064x}")).collect() };
        check(path, &lock(&sums(15)), &[]);
        check(path, &lock(&sums(0)), &["2: r/a has checksums of too few platforms"]);
        check(path, &lock(&sums(1)), &["2: r/a has checksums of too few platforms"]);
        let cut = [sums(15), vec!["zh:12".to_owned()]].concat();
        check(path, &lock(&cut), &["20: `12` is no SHA-256"]);
        check(path, &(lock(&sums(15)) + &lock(&[])), &["23: r/a has"]);
        check(path, "# x\n", &["1: no provider is locked"]);
    }

    #[test]
    fn changes_are_noted() {
        check("CHANGELOG.md", "# Changes\n\n## Unreleased\n", &[]);
        check("CHANGELOG.md", "# Changes\n", &["1: no section"]);
    }

    #[test]
    fn newcomers_find_a_readme() {
        let all = [
            "README.md",
            "CHANGELOG.md",
            "LICENSE",
            "docs/architecture.md",
            "docs/style.md",
            "docs/README.md",
            ".ci/run",
            "jobs/README.md",
            "jobs/a/Cargo.toml",
            "jobs/a/src/lib.rs",
        ]
        .map(str::to_owned);
        assert_eq!(missing(&all), Vec::<String>::new());
        for gone in 0..all.len() {
            let mut left = all.to_vec();
            let path = left.remove(gone);
            let found = missing(&left);
            match path.as_str() {
                // without its manifest a folder is no crate
                "jobs/a/Cargo.toml" => assert_eq!(found, Vec::<String>::new()),
                "jobs/a/src/lib.rs" => {
                    assert!(found[0].starts_with("jobs/a: neither"), "{found:?}");
                }
                path => assert!(found[0].starts_with(path), "{path}: {found:?}"),
            }
        }
    }
}
