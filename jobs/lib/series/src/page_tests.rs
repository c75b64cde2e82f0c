//! `docs/reference/signals.md` says what the code does: kinds, methods, defaults, features.

use serde_json::Value;

use crate::anomalies;
use crate::features::FEATURES;
use crate::labels::HORIZONS;
use crate::signals;

const PAGE: &str = include_str!("../../../../docs/reference/signals.md");

/// A chapter of the page.
fn chapter(name: &str) -> &'static str {
    let (_, text) = PAGE.split_once(&format!("\n## {name}\n")).expect(name);
    text.split_once("\n## ").map_or(text, |(text, _)| text)
}

/// The settings with their names, those within others by a dot.
fn settings(value: &Value, within: &str) -> Vec<(String, Value)> {
    let Value::Object(parts) = value else { return vec![(within.to_owned(), value.clone())] };
    let name = |part: &str| match within {
        "" => part.to_owned(),
        _ => format!("{within}.{part}"),
    };
    parts.iter().flat_map(|(part, value)| settings(value, &name(part))).collect()
}

/// Every setting has its row with its default, and there are no others.
fn check_settings(chapter: &str, defaults: &Value) {
    let (_, rows) = chapter.split_once("| setting | default | unit |\n|---|---|---|\n").unwrap();
    let rows: Vec<&str> = rows.lines().take_while(|line| line.starts_with('|')).collect();
    let defaults = settings(defaults, "");
    for (name, value) in &defaults {
        let row = format!("| `{name}` | {value} | ");
        assert!(rows.iter().any(|line| line.starts_with(&row)), "no row begins with {row}");
    }
    assert_eq!(rows.len(), defaults.len());
}

#[test]
fn defaults() {
    let anomalies = serde_json::to_value(anomalies::Settings::default()).unwrap();
    check_settings(chapter("Anomalies"), &anomalies);
    let signals = serde_json::to_value(signals::Settings::default()).unwrap();
    check_settings(chapter("Signals"), &signals);
}

#[test]
fn kinds() {
    for kind in anomalies::Kind::ALL {
        let (name, method) = (kind.as_str(), kind.method());
        let rows = chapter("Anomalies").lines();
        let row = |line: &str| line.starts_with(&format!("| `{name}` |"));
        let row =
            rows.into_iter().find(|line| row(line) && line.ends_with(&format!("| {method} |")));
        assert!(row.is_some(), "no row of `{name}` ends with | {method} |");
        assert!(chapter("Anomalies").contains(&format!("\n**`{name}`.** ")), "no word of `{name}`");
    }
    for kind in signals::Kind::ALL {
        let row = format!("\n| `{}` | ", kind.as_str());
        assert!(chapter("Signals").contains(&row), "no row begins with {row}");
    }
}

#[test]
fn features_and_horizons() {
    let rows: Vec<String> = FEATURES
        .iter()
        .map(|feature| format!("| `{}` | {} |", feature.name, feature.doc))
        .collect();
    let (_, found) = chapter("Features").split_once("|---|---|\n").unwrap();
    let found: Vec<&str> = found.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, rows);
    let horizons: Vec<String> = HORIZONS.iter().map(ToString::to_string).collect();
    let (last, others) = horizons.split_last().unwrap();
    let horizons = format!("For each horizon of {} and {last} bars:", others.join(", "));
    assert!(chapter("Labels").contains(&horizons), "{horizons}");
}

#[test]
fn settings_are_told_by_name_and_nothing_else() {
    let read = |text: &str| serde_json::from_str::<anomalies::Settings>(text);
    let settings = read(r#"{"window": 50, "off": ["bad_print"], "gap": {"bars": 3}}"#).unwrap();
    assert_eq!((settings.window, settings.fewest, settings.gap.bars), (50, 30, 3));
    assert_eq!(settings.off, [anomalies::Kind::BadPrint]);
    for text in [r#"{"windows": 1}"#, r#"{"gap": {"bar": 1}}"#, r#"{"off": ["gaps"]}"#] {
        assert!(read(text).is_err(), "{text}");
    }
    let read = |text: &str| serde_json::from_str::<signals::Settings>(text);
    let settings = read(r#"{"rsi": {"low": 25}, "off": ["sma_cross"]}"#).unwrap();
    assert_eq!((settings.rsi.low as i32, settings.rsi.high as i32), (25, 70));
    assert_eq!(settings.off, [signals::Kind::SmaCross]);
    for text in [r#"{"rsi": {"lo": 25}}"#, r#"{"of": []}"#, r#"{"off": ["rsi"]}"#] {
        assert!(read(text).is_err(), "{text}");
    }
    // the names in configurations are those in tables
    for kind in anomalies::Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for kind in signals::Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
}
