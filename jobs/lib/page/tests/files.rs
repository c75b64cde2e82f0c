//! The files of whole pages: their size, their names, the same bytes each time; and the pictures.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../examples/sample/made_up/mod.rs"]
mod made_up;

/// What a page of ten symbols may weigh, with three years of days and thirty days of minutes.
const BUDGET: usize = 6_000_000;

#[test]
fn ten_symbols_are_within_the_budget() {
    let mut page = made_up::page(10);
    for instrument in &mut page.instruments {
        instrument.series.retain(|series| series.timeframe != "1h");
    }
    let bars = |timeframe: &str| -> usize {
        let all = page.instruments.iter().flat_map(|i| &i.series);
        all.filter(|series| series.timeframe == timeframe).map(|series| series.bars.len()).sum()
    };
    assert_eq!(bars("1d"), 10 * 1095);
    assert_eq!(bars("1m"), 10 * (30 * 1440 - 140));
    let files = page::write(&page).unwrap();
    assert_eq!(files.len(), 11);
    assert_eq!(files.last().unwrap().name, "index.html", "a reader's page comes after its files");
    let all: usize = files.iter().map(|file| file.bytes.len()).sum();
    let index = files.last().unwrap().bytes.len();
    eprintln!("index.html {index} bytes, with a month of minutes of ten symbols {all}");
    assert!(all < BUDGET, "{all} bytes, {index} of them index.html");
}

#[test]
fn the_same_page_is_the_same_bytes() {
    let files = page::write(&made_up::page(2)).unwrap();
    assert_eq!(files, page::write(&made_up::page(2)).unwrap());
    let mut names: Vec<_> = files.iter().map(|file| &file.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 5, "hours and minutes of two symbols, and the page");
    assert_eq!(page::svg::pictures(&made_up::page(2)), page::svg::pictures(&made_up::page(2)));
}

#[test]
fn pictures_are_whole_and_small() {
    let pictures = page::svg::pictures(&made_up::page(2));
    let names: Vec<_> = pictures.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "spot-BTCUSDT-candles.svg",
            "spot-BTCUSDT-days.svg",
            "spot-ETHUSDT-candles.svg",
            "spot-ETHUSDT-days.svg",
            "coverage.svg"
        ]
    );
    for file in &pictures {
        let text = std::str::from_utf8(&file.bytes).unwrap();
        assert!(text.starts_with("<svg xmlns=") && text.ends_with("</svg>\n"), "{}", file.name);
        assert!(text.contains("prefers-color-scheme:dark"), "{}", file.name);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{}", file.name);
        assert!(text.len() < 30_000, "{}: {} bytes", file.name, text.len());
        assert_eq!(file.content_type, "image/svg+xml");
    }
    let candles = std::str::from_utf8(&pictures[0].bytes).unwrap();
    assert!(
        candles.contains("aria-label=\"BTCUSDT in USDT, 31 Jul 2026 to 27 Nov 2026: 161,088.27\"")
    );
    // one path a direction, for candles and for volume
    for class in ["u", "d", "us", "ds"] {
        assert_eq!(candles.matches(&format!("<path class=\"{class}\"")).count(), 1, "{class}");
    }
    assert!(page::svg::pictures(&page::Page::default()).is_empty());
}
