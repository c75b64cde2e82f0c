//! The page's skeleton filled: texts that cannot end their element, and a policy that lets nothing run but the
//! page's own style and programs, named by the hashes of their bytes.

use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::figures::Page;
use crate::tables::{self, text};
use crate::{Error, File, words};

const SKELETON: &str = include_str!("../assets/index.html");
const STYLE: &str = include_str!("../assets/page.css");
/// Draws; the notice of its licence stands in its first lines and stays there.
const ECHARTS: &str = include_str!(concat!(env!("OUT_DIR"), "/echarts.js"));
/// The page's own program, in the order in which it is read.
const PROGRAM: [&str; 8] = [
    include_str!("../assets/js/base.js"),
    include_str!("../assets/js/bars.js"),
    include_str!("../assets/js/plot.js"),
    include_str!("../assets/js/market.js"),
    include_str!("../assets/js/figures.js"),
    include_str!("../assets/js/coverage.js"),
    include_str!("../assets/js/checks.js"),
    include_str!("../assets/js/page.js"),
];

/// JSON that may stand within a script element: no `<` can end it, whatever a reject's text says, and no
/// separator of lines ends a line of JavaScript.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    Ok(serde_json::to_string(value)?
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

/// The source of a policy that allows these bytes alone.
fn hash(bytes: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes));
    format!("'sha256-{digest}'")
}

/// `index.html` around its data.
pub(crate) fn index(page: &Page, document: &str) -> Result<File, Error> {
    let program = format!("(() => {{\n\"use strict\";\n{}}})();\n", PROGRAM.concat());
    // files of bars come from beside the page: 'self' over http, the file scheme from a disk
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {} {} 'self' file:; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(ECHARTS),
        hash(&program),
    );
    let made = format!("Made {}", words::instant(page.made_at));
    let run = page.run.as_ref().map_or_else(String::new, |run| format!(" after run {run}"));
    let more = format!("{}. {made}{run}.", page.verdict.more());
    // what stands for the same word twice, or for a word within another's text, would be filled wrongly:
    // the skeleton is cut at its words once, and nothing that was put in is looked at
    let mut html = String::with_capacity(ECHARTS.len() + document.len() + 200_000);
    let mut rest = SKELETON;
    while let Some((before, after)) = rest.split_once("{{") {
        let (word, after) = after.split_once("}}").unwrap_or((after, ""));
        html.push_str(before);
        match word {
            "title" => html.push_str(&text(&format!("market-lake: {}", page.environment))),
            "environment" => html.push_str(&text(&page.environment)),
            "policy" => html.push_str(&policy),
            "style" => html.push_str(STYLE),
            "verdict" => html.push_str(&text(&page.verdict.sentence())),
            "more" => html.push_str(&text(&more)),
            "sum" => html.push_str(&tables::sum(page)),
            "certificate" => html.push_str(&tables::certificate(page)),
            "checks" => html.push_str(&tables::checks(page)),
            "rejects" => html.push_str(&tables::rejects(page)),
            "runs" => html.push_str(&tables::runs(page)),
            "foot" => html.push_str(&tables::foot(page)),
            "data" => html.push_str(document),
            "echarts" => html.push_str(ECHARTS),
            "program" => html.push_str(&program),
            other => html.push_str(other),
        }
        rest = after;
    }
    html.push_str(rest);
    Ok(File {
        name: "index.html".into(),
        content_type: "text/html; charset=utf-8",
        bytes: html.into_bytes(),
    })
}
