//! Who may name a provider: the crate `source`, where each has its folder, the sample servers that
//! stand in for them, and tests. All others get what is particular to one through
//! `source::Provider`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where any provider may be named beside its own folder: the lists of them, the samples, and what is
/// tried on them.
const MAY: &[&str] = &[
    "jobs/lib/source/src/lib.rs",
    "jobs/lib/source/src/providers.rs",
    "jobs/tools/exchange/",
    "jobs/tools/e2e/",
    "xtask/src/sample.rs",
];
/// Where their folders lie.
const FOLDERS: &str = "jobs/lib/source/src/";
/// Folders there that are no provider's.
const SHARED: &[&str] = &["calendar", "limits", "questions", "rest"];

/// Every place of code that names a provider and should not.
pub(crate) fn faults(texts: &BTreeMap<String, String>) -> Vec<String> {
    let providers = providers(texts);
    let tests = test_files(texts);
    let is_code = |path: &str| {
        (path.starts_with("jobs/") || path.starts_with("xtask/src/"))
            && is_rust(path)
            && !path.contains("/tests/")
            && !path.contains("/examples/")
            && !MAY.iter().any(|may| path.starts_with(may))
    };
    let mut faults = Vec::new();
    for (path, text) in texts.iter().filter(|(path, _)| is_code(path) && !tests.contains(*path)) {
        let own = path.strip_prefix(FOLDERS).and_then(|rest| rest.split_once('/'));
        for (index, line) in text.lines().enumerate() {
            // what follows in a file is its tests
            if line == "#[cfg(test)]" && is_module(text, index) {
                break;
            }
            let named = |provider: &&&str| {
                line.to_lowercase().contains(**provider)
                    && own.is_none_or(|own| own.0 != **provider)
            };
            if let Some(provider) = providers.iter().find(named)
                && !line.trim_start().starts_with("//")
            {
                faults.push(format!(
                    "{path}:{}: names the provider `{provider}`; what is particular to it belongs \
                     into {FOLDERS}{provider}, behind `source::Provider`",
                    index + 1
                ));
            }
        }
    }
    faults
}

/// The providers: the folders of `source`.
fn providers(texts: &BTreeMap<String, String>) -> BTreeSet<&str> {
    let folder = |path: &'_ str| -> Option<usize> { path.strip_prefix(FOLDERS)?.find('/') };
    texts
        .keys()
        .filter_map(|path| folder(path).map(|end| &path[FOLDERS.len()..FOLDERS.len() + end]))
        .filter(|name| !SHARED.contains(name))
        .collect()
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

/// Whether what follows a `#[cfg(test)]` is a module with its body.
fn is_module(text: &str, index: usize) -> bool {
    let mut rest = text.lines().skip(index + 1).skip_while(|line| line.trim().starts_with("#["));
    rest.next().is_some_and(|line| line.starts_with("mod ") && line.trim_end().ends_with('{'))
}

/// Files that are compiled for tests alone: those of modules declared below a `#[cfg(test)]`.
fn test_files(texts: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for (path, text) in texts.iter().filter(|(path, _)| is_rust(path)) {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.strip_suffix(".rs").unwrap_or(file);
        let own = if matches!(stem, "lib" | "main" | "mod") {
            folder.to_owned()
        } else {
            format!("{folder}/{stem}")
        };
        let mut is_test = false;
        let mut named = None;
        for line in text.lines().map(str::trim) {
            if line == "#[cfg(test)]" {
                (is_test, named) = (true, None);
            } else if let Some(name) = line.strip_prefix("#[path = \"") {
                named = name.strip_suffix("\"]");
            } else {
                let name = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
                if let (true, Some(name)) = (is_test, name) {
                    files.insert(match named {
                        Some(file) => format!("{folder}/{file}"),
                        None => format!("{own}/{name}.rs"),
                    });
                }
                (is_test, named) = (false, None);
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expect: &[&str]) {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let faults = faults(&texts.collect());
        let places: Vec<&str> =
            faults.iter().filter_map(|fault| fault.split(": names").next()).collect();
        assert_eq!(places, expect);
    }

    #[test]
    fn a_provider_is_named_where_it_lives() {
        check(
            &[
                (
                    "jobs/plan/src/lib.rs",
                    "//! not Acme\nlet a = Acme;\n// acme\nlet b = \"acme/x\";",
                ),
                ("jobs/lib/source/src/acme/mod.rs", "struct Acme;"),
                ("jobs/lib/source/src/other/mod.rs", "struct Other;\nuse crate::acme;"),
                ("jobs/lib/source/src/form.rs", "acme"),
                ("jobs/lib/source/src/rest/mod.rs", "rest"),
                ("jobs/lib/source/src/lib.rs", "pub mod acme;"),
                ("jobs/bronze/src/lib.rs", "let rest = calendar;"),
                ("jobs/tools/exchange/src/lib.rs", "acme"),
                ("jobs/plan/tests/it/main.rs", "acme"),
                ("xtask/src/demo.rs", "let acme = 1;"),
                ("docs/sources.md", "acme"),
            ],
            &[
                "jobs/lib/source/src/form.rs:1",
                "jobs/lib/source/src/other/mod.rs:2",
                "jobs/plan/src/lib.rs:2",
                "jobs/plan/src/lib.rs:4",
                "xtask/src/demo.rs:1",
            ],
        );
    }

    #[test]
    fn tests_may_name_any() {
        check(
            &[
                ("jobs/lib/source/src/acme/mod.rs", "struct Acme;"),
                ("jobs/a/src/w.rs", "#[cfg(test)]\nfn careful() {}\nlet w = acme;"),
                ("jobs/a/src/x.rs", "let x = 1;\n#[cfg(test)]\nmod tests {\n    acme\n}"),
                (
                    "jobs/a/src/y.rs",
                    "#[cfg(test)]\n#[path = \"y_tests.rs\"]\nmod tests;\nlet y = acme;",
                ),
                ("jobs/a/src/y_tests.rs", "acme"),
                ("jobs/a/src/z.rs", "#[cfg(test)]\nmod more;"),
                ("jobs/a/src/z/more.rs", "acme"),
                ("jobs/a/src/z/other.rs", "acme"),
            ],
            &["jobs/a/src/w.rs:3", "jobs/a/src/y.rs:4", "jobs/a/src/z/other.rs:1"],
        );
    }
}
