//! Modules of a crate that use each other in a circle: who changes one has to know them all. Read
//! from the paths that the code names, as text; tests may use what they like, and so may a module and
//! the folder that it lies in.

use std::collections::{BTreeMap, BTreeSet};

/// Who uses whom among the neighbours of one folder.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Every circle, given the texts of all files by their paths.
pub(crate) fn faults(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut crates: BTreeMap<&str, BTreeMap<Vec<&str>, &str>> = BTreeMap::new();
    for (path, text) in files {
        if let Some((krate, module)) = place(path) {
            crates.entry(krate).or_default().insert(module, text);
        }
    }
    crates.iter().flat_map(|(krate, modules)| of_crate(krate, modules)).collect()
}

/// The crate of a file, and its module's path; `None` for roots of crates and what is no module.
fn place(path: &str) -> Option<(&str, Vec<&str>)> {
    let (krate, module) = path.strip_suffix(".rs")?.split_once("/src/")?;
    let mut module: Vec<&str> = module.split('/').collect();
    module.pop_if(|last| *last == "mod");
    (!matches!(module[..], ["lib" | "main"] | ["bin", ..])).then_some((krate, module))
}

fn of_crate(krate: &str, modules: &BTreeMap<Vec<&str>, &str>) -> Vec<String> {
    let mut folders: BTreeMap<Vec<&str>, Uses> = BTreeMap::new();
    for (module, text) in modules {
        for named in named(module, text) {
            // the module that a path leads to is the longest part of it that is one
            let known = (1..=named.len()).rev().map(|n| &named[..n]);
            let Some(other) = known.into_iter().find(|path| modules.contains_key(*path)) else {
                continue;
            };
            let shared = module.iter().zip(other).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(shared), other.get(shared)) {
                let uses = folders.entry(module[..shared].to_vec()).or_default();
                uses.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            }
        }
    }
    let fault = |(folder, uses): (&Vec<&str>, &Uses)| {
        let at = [&[krate, "src"], &folder[..]].concat().join("/");
        circles(uses)
            .into_iter()
            .map(|circle| {
                format!(
                    "{at}: the modules {} use each other in a circle; move what they share below them",
                    circle.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            })
            .collect::<Vec<_>>()
    };
    folders.iter().flat_map(fault).collect()
}

/// The paths that a module's code names, from the crate's root.
fn named<'a>(module: &[&'a str], text: &'a str) -> Vec<Vec<&'a str>> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut paths = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, word) in [("crate::", &[][..]), ("super::", &module[..module.len() - 1])] {
            for (start, _) in line.match_indices(at) {
                // `super::super::x` is read from its last `super`, a folder too low: no neighbour
                let before = line[..start].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let rest = &line[start + at.len()..];
                let firsts: Vec<&str> = match rest.strip_prefix('{') {
                    // `use crate::{a, b::C};`
                    Some(group) => {
                        group.split(['}', ';']).next().unwrap_or("").split(',').collect()
                    }
                    None => vec![rest],
                };
                for first in firsts {
                    let is_end = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
                    let path = first.trim().split(is_end).next().unwrap_or_default();
                    let names = path.split("::").filter(|name| !name.is_empty());
                    paths.push(word.iter().copied().chain(names).collect());
                }
            }
        }
    }
    paths
}

/// The circles among neighbours, each as the sorted names of those in it.
fn circles(uses: &Uses) -> BTreeSet<Vec<String>> {
    let reach = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> =
            uses.get(from).into_iter().flatten().map(String::as_str).collect();
        while let Some(name) = next.pop() {
            if seen.insert(name) {
                next.extend(uses.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        seen
    };
    let reaches: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|name| (name.as_str(), reach(name))).collect();
    let both = |a: &str, b: &str| {
        let goes = |from: &str, to: &str| reaches.get(from).is_some_and(|seen| seen.contains(to));
        goes(a, b) && goes(b, a)
    };
    reaches
        .keys()
        .map(|name| {
            reaches.keys().filter(|other| both(name, other)).map(ToString::to_string).collect()
        })
        .filter(|circle: &Vec<String>| circle.len() > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expect: &[&str]) {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let found = faults(&files.collect());
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(expect), "{found}");
        }
    }

    #[test]
    fn modules_that_use_each_other_are_told() {
        check(
            &[
                ("jobs/x/src/a.rs", "use crate::b::B;\n"),
                ("jobs/x/src/b.rs", "fn f() { crate::a::g() }"),
            ],
            &["jobs/x/src: the modules `a`, `b` use each other"],
        );
        check(
            &[
                ("x/src/a.rs", "use crate::{b, d};\n"),
                ("x/src/b.rs", "use crate::c::{C, D};\n"),
                ("x/src/c.rs", "pub use crate::a;\n"),
                ("x/src/d.rs", ""),
            ],
            &["x/src: the modules `a`, `b`, `c` use each other"],
        );
    }

    #[test]
    fn a_folder_is_one_module_among_its_neighbours() {
        check(
            &[
                ("x/src/a/deep.rs", "use crate::b;\n"),
                ("x/src/a.rs", ""),
                ("x/src/b.rs", "use crate::a::A;\n"),
            ],
            &["x/src: the modules `a`, `b` use each other"],
        );
        check(
            &[
                ("x/src/a/p.rs", "use super::q::Q;\n"),
                ("x/src/a/q.rs", "use crate::a::p::P;\n"),
                ("x/src/a.rs", ""),
            ],
            &["x/src/a: the modules `p`, `q` use each other"],
        );
    }

    #[test]
    fn ways_down_are_well() {
        check(
            &[
                ("x/src/lib.rs", "use crate::a;\n"),
                ("x/src/a.rs", "mod deep;\nuse crate::b::B;\nuse crate::a::deep::D;\n"),
                // its own folder, and what no code says
                ("x/src/a/deep.rs", "use super::A;\n// crate::c\n"),
                ("x/src/b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }\n"),
                ("x/src/c.rs", "use crate::a::A;\nuse other_crate::c;\n"),
                ("y/src/b.rs", "use crate::a::A;\n"),
            ],
            &[],
        );
    }
}
