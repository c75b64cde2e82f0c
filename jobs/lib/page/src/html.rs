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
const PROGRAM: [&str; 13] = [
    include_str!("../assets/js/base.js"),
    include_str!("../assets/js/bars.js"),
    include_str!("../assets/js/times.js"),
    include_str!("../assets/js/plot.js"),
    include_str!("../assets/js/detail.js"),
    include_str!("../assets/js/reading.js"),
    include_str!("../assets/js/input.js"),
    include_str!("../assets/js/market.js"),
    include_str!("../assets/js/figures.js"),
    include_str!("../assets/js/coverage.js"),
    include_str!("../assets/js/checks.js"),
    include_str!("../assets/js/look.js"),
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
pub(crate) fn index(page: &Page, document: &str) -> File {
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
    File {
        name: "index.html".into(),
        content_type: "text/html; charset=utf-8",
        bytes: html.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Reject;

    #[test]
    fn json_ends_no_script() {
        let hostile = ["</script><b>", "<!--", "\u{2028}\u{2029}"];
        assert_eq!(
            json(&hostile).unwrap(),
            r#"["\u003c/script>\u003cb>","\u003c!--","\u2028\u2029"]"#
        );
    }

    /// What stands between the `n`th pair of two marks.
    fn between<'a>(html: &'a str, from: &str, to: &str, n: usize) -> &'a str {
        html.split(from).nth(n + 1).unwrap().split_once(to).unwrap().0
    }

    #[test]
    fn the_policy_names_the_bytes_that_run() {
        let page = Page { environment: "a<b>&\"{{style}}".into(), ..Page::default() };
        let html = String::from_utf8(index(&page, "{}").bytes).unwrap();
        let policy = between(&html, "Content-Security-Policy\" content=\"", "\">", 0);
        let sum = |text: &str| {
            let digest = Sha256::digest(text.as_bytes());
            base64::engine::general_purpose::STANDARD.encode(digest)
        };
        let style = between(&html, "<style>", "</style>", 0);
        assert!(policy.contains(&format!("style-src 'sha256-{}';", sum(style))), "{policy}");
        for n in 0..2 {
            let script = between(&html, "<script>", "</script>", n);
            assert!(script.len() > 10_000);
            assert!(policy.contains(&format!("'sha256-{}'", sum(script))), "script {n}: {policy}");
        }
        assert_eq!(html.matches("<script").count(), 3, "two programs and the data");
        assert!(policy.starts_with("default-src 'none'; "));
        assert!(!policy.contains("unsafe"));
        // what was put in is not filled again
        assert!(html.contains("<title>market-lake: a&lt;b&gt;&amp;&quot;{{style}}</title>"));
    }

    #[test]
    fn the_notice_of_echarts_stays() {
        let html = String::from_utf8(index(&Page::default(), "{}").bytes).unwrap();
        assert!(html.contains("Licensed to the Apache Software Foundation (ASF)"));
        assert!(html.contains("Apache ECharts 5.5.1, Apache License 2.0"));
    }

    #[test]
    fn a_rejects_text_is_text() {
        let reject = Reject { reason: "r".into(), lines: 1, first: "</code></script><b>&".into() };
        let page = Page { rejects: vec![reject], ..Page::default() };
        let html = String::from_utf8(index(&page, "{}").bytes).unwrap();
        assert!(html.contains("<code>&lt;/code&gt;&lt;/script&gt;&lt;b&gt;&amp;</code>"));
    }
}
