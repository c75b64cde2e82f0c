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

/// The crate of a file, and its module's path; `None` for roots of crates, for tests and for what is
/// no module.
fn place(path: &str) -> Option<(&str, Vec<&str>)> {
    let (krate, module) = path.strip_suffix(".rs")?.split_once("/src/")?;
    let mut module: Vec<&str> = module.split('/').collect();
    module.pop_if(|last| *last == "mod");
    let is_test = |name: &&str| *name == "tests" || name.ends_with("_tests");
    let is_root = matches!(module[..], [] | ["lib" | "main"] | ["bin", ..]);
    (!is_root && !module.iter().any(is_test)).then_some((krate, module))
}

fn of_crate(krate: &str, modules: &BTreeMap<Vec<&str>, &str>) -> Vec<String> {
    let mut folders: BTreeMap<Vec<&str>, Uses> = BTreeMap::new();
    for (module, text) in modules {
        let code = code(text);
        for named in named(module, &code) {
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

/// The code of a file: what stands before its tests, without comments.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let lines: Vec<&str> = lines.map(|line| line.split(" //").next().unwrap_or_default()).collect();
    lines.join("\n")
}

/// The paths that a module's code names, from the crate's root.
fn named<'a>(module: &[&'a str], code: &'a str) -> Vec<Vec<&'a str>> {
    let mut paths = Vec::new();
    let mut rest = code;
    while let Some(at) = ["crate::", "super::"].iter().filter_map(|word| rest.find(*word)).min() {
        let (before, path) = rest.split_at(at);
        rest = if before.ends_with(|c: char| is_of_name(c) || c == ':') {
            // the end of another name, or of a path that begins elsewhere
            path.trim_start_matches(is_of_name)
        } else {
            tree(path, module.to_vec(), &mut paths)
        };
    }
    paths
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads the path, or the tree of a `use`, that `text` begins with, from a module on; what stands
/// behind it.
fn tree<'a>(mut text: &'a str, mut from: Vec<&'a str>, to: &mut Vec<Vec<&'a str>>) -> &'a str {
    loop {
        text = text.trim_start();
        if let Some(group) = text.strip_prefix('{') {
            return trees(group, &from, to);
        }
        let (name, rest) = text.split_at(text.find(|c: char| !is_of_name(c)).unwrap_or(text.len()));
        match name {
            "" | "self" => {}
            "crate" => from.clear(),
            // above the root only where a module stands inside this file: then the root is meant
            "super" => {
                from.pop();
            }
            name => from.push(name),
        }
        let Some(more) = rest.strip_prefix("::") else {
            to.push(from);
            return rest;
        };
        text = more;
    }
}

/// Reads a group of them to the brace that ends it.
fn trees<'a>(mut text: &'a str, from: &[&'a str], to: &mut Vec<Vec<&'a str>>) -> &'a str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if text.is_empty() {
            return text;
        }
        if let Some(rest) = text.strip_prefix('}') {
            return rest;
        }
        // `as x` and `*` name no module
        text = tree(text, from.to_vec(), to).trim_start_matches(|c: char| c != ',' && c != '}');
    }
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
    fn a_tree_of_many_lines_is_read_to_its_end() {
        let back = ("x/src/b.rs", "use crate::a::A;\n");
        for text in [
            "use crate::{\n    c,\n    b::B,\n};\n",
            "use crate::{c::{C, d::D}, b};\n",
            "use crate::{\n    c::{\n        C as E, // }\n        d::*,\n    },\n    b::{self, B},\n};\n",
            "use super::{c::{self}, b::B};\n",
            "use crate::c::C;\nfn f() { g(crate::c::h(), crate::b::i()) }\n",
        ] {
            check(&[("x/src/a.rs", text), back], &["x/src: the modules `a`, `b` use each other"]);
        }
        // what stands behind a group is no part of it
        check(&[("x/src/a.rs", "use crate::c::{C, D};\nuse other::{b, e};\n"), back], &[]);
    }

    #[test]
    fn a_way_up_of_many_steps_is_gone_to_its_end() {
        check(
            &[
                ("x/src/a/p/q.rs", "use super::super::super::b::B;\n"),
                ("x/src/a/p.rs", "use super::super::b::B;\n"),
                ("x/src/a.rs", ""),
                ("x/src/b.rs", "use crate::a::A;\n"),
            ],
            &["x/src: the modules `a`, `b` use each other"],
        );
        // two steps up there is another `q` than one step up
        check(
            &[
                ("x/src/a/p/deep.rs", "use super::super::q::Q;\n"),
                ("x/src/a/p/q.rs", "use super::deep::D;\n"),
                ("x/src/a/p.rs", ""),
                ("x/src/a/q.rs", ""),
                ("x/src/a.rs", ""),
            ],
            &[],
        );
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let uses = "use crate::b::B;\n";
        for path in ["x/src/a/tests.rs", "x/src/a/tests/deep.rs", "x/src/a/b_tests.rs"] {
            let files = [(path, uses), ("x/src/a.rs", ""), ("x/src/b.rs", "use crate::a::A;\n")];
            check(&files, &[]);
        }
    }

    #[test]
    fn a_root_that_is_named_as_a_folder_is_none() {
        check(&[("x/src/mod.rs", "use super::a;\n"), ("x/src/a.rs", "use super::b;\n")], &[]);
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
