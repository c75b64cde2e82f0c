//! Pictures for documents: the page's main charts as SVG, written by hand.
//!
//! A picture follows the reader's theme by a media query of its own, which works in an `img` element too. Its bytes
//! rest on the figures alone, so that a check can tell whether a document's picture is fresh.

mod chart;
mod map;

use crate::figures::{Instrument, Page};
use crate::{File, words};

/// Days of a picture of candles.
const CANDLES: usize = 120;
/// Days of a picture of coverage.
const MAP_DAYS: u32 = 182;

/// All pictures of a page: candles with volume of each symbol, change and volume of its days, coverage. A symbol
/// without bars of a day has none.
pub fn pictures(page: &Page) -> Vec<File> {
    let mut files = Vec::new();
    for instrument in &page.instruments {
        let name = |what: &str| format!("{}-{what}.svg", crate::pack::stem(instrument));
        if let Some(picture) = candles(instrument) {
            files.push(svg(name("candles"), picture));
        }
        if let Some(picture) = days(instrument) {
            files.push(svg(name("days"), picture));
        }
    }
    if !page.coverage.rows.is_empty() {
        files.push(svg("coverage.svg".into(), map::coverage(&page.coverage, MAP_DAYS)));
    }
    files
}

fn svg(name: String, picture: String) -> File {
    File { name, content_type: "image/svg+xml", bytes: picture.into_bytes() }
}

/// The last days of a symbol as candles, with their volume and the lines over them.
fn candles(instrument: &Instrument) -> Option<String> {
    let series = instrument.series.iter().find(|series| series.timeframe == "1d")?;
    let from = series.bars.len().saturating_sub(CANDLES);
    let (first, last) = (series.bars.get(from)?, series.bars.last()?);
    let title = format!(
        "{} in {}, {} to {}: {}",
        instrument.symbol,
        instrument.quote,
        words::day(first.time),
        words::day(last.time),
        words::price(last.close, instrument.digits),
    );
    Some(chart::candles(&title, series, from, instrument.digits, instrument.volume_digits))
}

/// Change and volume of the last days.
fn days(instrument: &Instrument) -> Option<String> {
    let days = &instrument.days[instrument.days.len().saturating_sub(CANDLES)..];
    let (first, last) = (days.first()?, days.last()?);
    let title = format!(
        "Daily price change and volume of {}, {} to {}",
        instrument.symbol,
        words::day(first.time),
        words::day(last.time)
    );
    Some(chart::days(&title, days, instrument.volume_digits))
}

/// Colours in light and dark, and the letters: the style sheet's, as far as a picture needs them.
const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#566875}.t{font-size:13px;font-weight:600;fill:#10202b}\
.bg{fill:#fff}.g{stroke:#e9eef1}.u{stroke:#0a78a6;fill:#fff}.d{stroke:#bd4a06;fill:#bd4a06}\
.us{fill:#0a78a6;opacity:.35}.ds{fill:#bd4a06;opacity:.35}.l0{stroke:#c08400}.l1{stroke:#7356bf}\
.l1{stroke-dasharray:6 3}.l2{stroke:#2f7d5b;stroke-dasharray:2 2}.l{fill:none;stroke-width:1.4}.a{fill:#a9cfd9}.dg{fill:#f0b429}.m{fill:#c8371b}\
.c{fill:#1d2b36}.p{fill:#e4eaed}.k{fill:#fff}\
@media(prefers-color-scheme:dark){text{fill:#93a6b2}.t{fill:#e2eaee}.bg{fill:#101b22}.g{stroke:#1a272f}\
.u{stroke:#52b6e0;fill:#101b22}.d{stroke:#ff914d;fill:#ff914d}.us{fill:#52b6e0}.ds{fill:#ff914d}\
.l0{stroke:#e6b93c}.l1{stroke:#b59cf2}.l2{stroke:#6fc49b}.a{fill:#2c6478}.dg{fill:#e5b53b}.m{fill:#f0694a}\
.c{fill:#e8eef1}.p{fill:#22303a}.k{fill:#101b22}}";

/// A picture around its content.
fn frame(title: &str, width: f64, height: f64, content: &str) -> String {
    let title = crate::tables::text(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<style>{STYLE}</style>\n\
         <rect class=\"bg\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"t\" x=\"14\" y=\"24\">{title}</text>\n{content}</svg>\n"
    )
}

/// A place to a tenth of a pixel: the same text on every machine, and a short one.
fn at(x: f64) -> String {
    let text = format!("{x:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
