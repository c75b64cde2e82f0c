//! The map of coverage: a path for each state, and forms beside colours.

use std::fmt::Write as _;

use super::{at, frame};
use crate::figures::{Coverage, State};
use crate::tables::text;
use crate::words::{civil, month};

const WIDTH: f64 = 860.0;
const NAMES: f64 = 150.0;
const TOP: f64 = 58.0;
const ROW: f64 = 16.0;

/// The last `days` days.
pub(super) fn coverage(map: &Coverage, days: u32) -> String {
    let days = days.min(map.days);
    let skipped = map.days - days;
    let wide = (WIDTH - NAMES - 14.0) / f64::from(days.max(1));
    // by state: its class, and what lies over it to tell it by its form
    let mut paths = [const { String::new() }; 6];
    let mut names = String::new();
    let mut y = TOP;
    for (index, row) in map.rows.iter().enumerate() {
        let first = index == 0 || map.rows[index - 1].symbol != row.symbol;
        if first && index > 0 {
            y += 6.0;
        }
        let symbol = if first { text(&row.symbol) } else { String::new() };
        let series = [Some(row.dataset.as_str()), row.timeframe.as_deref()];
        let series = series.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            names,
            "<text x=\"14\" y=\"{0}\" dy=\".8em\">{symbol}</text>\
             <text x=\"{1}\" y=\"{0}\" dy=\".8em\" text-anchor=\"end\">{2}</text>",
            at(y),
            NAMES - 10.0,
            text(&series)
        );
        let mut day = 0;
        for span in &row.spans {
            let (from, until) = (day.max(skipped), (day + span.days).max(skipped));
            let x = at(NAMES + f64::from(from - skipped) * wide);
            let long = at((f64::from(until - from) * wide - 0.6).max(0.6));
            let mut put = |which: usize, top: f64, tall: f64| {
                let _ = write!(paths[which], "M{x} {}h{long}v{tall}h-{long}z", at(y + top));
            };
            match span.state {
                _ if until == from => {}
                State::Outside => {}
                State::Available => put(0, 0.0, 14.0),
                State::Pending => put(1, 5.0, 4.0),
                State::Closed => put(1, 6.5, 1.0),
                State::Partial => put(0, 10.0, 4.0),
                State::Degraded => put(2, 6.0, 8.0),
                State::Missing => {
                    put(3, 0.0, 14.0);
                    put(5, 6.0, 1.5);
                }
                State::Corrupt => {
                    put(4, 0.0, 14.0);
                    put(5, 4.0, 1.5);
                    put(5, 8.0, 1.5);
                }
            }
            day += span.days;
        }
        y += ROW;
    }
    let mut out = names;
    for (path, class) in paths.iter().zip(["a", "p", "dg", "m", "c", "k"]) {
        if !path.is_empty() {
            let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }
    let mut before = None;
    for d in skipped..map.days {
        let (year, now, _) = civil(map.from.div_euclid(1_000_000) + i64::from(d) * 86_400);
        if before.is_some_and(|before| before != now) {
            let words = if now == 1 { year.to_string() } else { month(now).to_owned() };
            let x = at(NAMES + f64::from(d - skipped) * wide);
            let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\">{words}</text>", TOP - 8.0);
        }
        before = Some(now);
    }
    let from = map.from + i64::from(skipped) * 86_400_000_000;
    let last = map.from + (i64::from(map.days) - 1) * 86_400_000_000;
    let title = format!(
        "Coverage of {} series, {} to {}",
        map.rows.len(),
        crate::words::day(from),
        crate::words::day(last)
    );
    frame(&title, WIDTH, y + 10.0, &out)
}
