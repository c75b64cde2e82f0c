//! Candles and columns: one path a direction.

use std::fmt::Write as _;

use super::{at, frame};
use crate::figures::{Bar, Day, IndicatorKind, Series};
use crate::words::{civil, compact, month, price};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 380.0;
/// Where the figures lie between the title and the words of the axes.
const LEFT: f64 = 14.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 40.0;
const MIDDLE: f64 = 282.0;
const BOTTOM: f64 = 352.0;

/// A scale: values from `low` to `high` between two heights.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    top: f64,
    bottom: f64,
}

impl Scale {
    fn y(self, value: f64) -> f64 {
        let span = if self.high > self.low { self.high - self.low } else { 1.0 };
        self.bottom - (value - self.low) / span * (self.bottom - self.top)
    }

    /// Round values within, about so many.
    fn marks(self, many: f64) -> Vec<f64> {
        let rough = (self.high - self.low) / many;
        if rough <= 0.0 {
            return vec![self.low];
        }
        // the next of 1, 2 and 5 times a power of ten, found by whole steps: no logarithm, whose last bit may
        // differ among machines
        let mut power = 1.0f64;
        while power * 10.0 <= rough {
            power *= 10.0;
        }
        while power > rough {
            power /= 10.0;
        }
        let over = rough / power;
        let step = power * [1.0, 2.0, 5.0].into_iter().find(|k| *k >= over).unwrap_or(10.0);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|k| k as f64 * step).collect()
    }
}

/// Lines across at round values, with their words on the right.
fn grid(out: &mut String, scale: Scale, many: f64, words: impl Fn(f64) -> String) {
    for value in scale.marks(many) {
        let y = at(scale.y(value).round() + 0.5);
        let _ = writeln!(
            out,
            "<path class=\"g\" d=\"M{LEFT} {y}H{RIGHT}\"/><text x=\"{}\" y=\"{y}\" dy=\".35em\">{}</text>",
            RIGHT + 8.0,
            words(value)
        );
    }
}

/// The names of months under the places where they begin.
fn months(out: &mut String, times: impl Iterator<Item = i64>, x: impl Fn(usize) -> f64) {
    let mut before = None;
    for (i, time) in times.enumerate() {
        let (year, now, _) = civil(time.div_euclid(1_000_000));
        if before.is_some_and(|before| before != now) {
            let words = if now == 1 { year.to_string() } else { month(now).to_owned() };
            let (x, y) = (at(x(i)), BOTTOM + 18.0);
            let _ =
                writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{words}</text>");
        }
        before = Some(now);
    }
}

/// Columns from zero, those of each class in one path.
fn columns(
    out: &mut String,
    values: &[f64],
    scale: Scale,
    class: impl Fn(usize) -> usize,
    classes: [&str; 2],
) {
    let room = (RIGHT - LEFT) / values.len() as f64;
    let wide = at((room * 0.7).max(0.6));
    let mut paths = [String::new(), String::new()];
    for (i, value) in values.iter().enumerate() {
        let (x, y, zero) = (LEFT + (i as f64 + 0.15) * room, scale.y(*value), scale.y(0.0));
        let (top, tall) = (y.min(zero), (y - zero).abs());
        let _ = write!(paths[class(i)], "M{} {}h{wide}v{}h-{wide}z", at(x), at(top), at(tall));
    }
    for (path, class) in paths.iter().zip(classes).filter(|(path, _)| !path.is_empty()) {
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// Bars from the one at `from` on: rising candles hollow, falling ones filled; lines over them, volume below.
pub(super) fn candles(
    title: &str,
    series: &Series,
    from: usize,
    digits: u32,
    volume_digits: u32,
) -> String {
    let bars = &series.bars[from..];
    let low = bars.iter().map(|b| b.low).min().unwrap_or(0) as f64;
    let high = bars.iter().map(|b| b.high).max().unwrap_or(1) as f64;
    let air = (high - low) * 0.05;
    let scale = Scale { low: low - air, high: high + air, top: TOP, bottom: MIDDLE - 12.0 };
    let room = (RIGHT - LEFT) / bars.len() as f64;
    let x = |i: usize| LEFT + (i as f64 + 0.5) * room;
    let mut out = String::new();
    grid(&mut out, scale, 5.0, |value| price(value.round() as i64, digits));
    let volumes: Vec<f64> = bars.iter().map(|b| b.volume as f64).collect();
    let most = volumes.iter().copied().fold(1.0, f64::max);
    let below = Scale { low: 0.0, high: most, top: MIDDLE + 6.0, bottom: BOTTOM };
    let unit = 10f64.powi(volume_digits as i32);
    grid(&mut out, below, 2.0, |value| compact(value / unit));
    let falls = |i: usize| usize::from(bars[i].close < bars[i].open);
    columns(&mut out, &volumes, below, falls, ["us", "ds"]);
    let half = (room * 0.34).clamp(0.5, 6.0);
    let candle = |path: &mut String, i: usize, bar: &Bar| {
        let y = |price: i64| scale.y(price as f64);
        let (top, bottom) = (y(bar.open.max(bar.close)), y(bar.open.min(bar.close)));
        let (x, wide) = (x(i), at(2.0 * half));
        let _ = write!(
            path,
            "M{x1} {}V{}M{x1} {}V{}M{} {}h{wide}v{}h-{wide}z",
            at(y(bar.high)),
            at(top),
            at(bottom),
            at(y(bar.low)),
            at(x - half),
            at(top),
            at((bottom - top).max(0.6)),
            x1 = at(x),
        );
    };
    let mut paths = [String::new(), String::new()];
    for (i, bar) in bars.iter().enumerate() {
        candle(&mut paths[falls(i)], i, bar);
    }
    for (path, class) in paths.iter().zip(["u", "d"]).filter(|(path, _)| !path.is_empty()) {
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    let unit = 10f64.powi(digits as i32);
    let lines = series.indicators.iter().filter(|column| column.kind == IndicatorKind::Line);
    for (turn, column) in lines.take(3).enumerate() {
        let mut path = String::new();
        let mut open = false;
        for (i, value) in column.values[from..].iter().enumerate() {
            // beyond the candles' range a line leaves the picture
            let value =
                value.map(|value| value * unit).filter(|v| (scale.low..=scale.high).contains(v));
            if let Some(value) = value {
                let _ = write!(
                    path,
                    "{}{} {}",
                    if open { 'L' } else { 'M' },
                    at(x(i)),
                    at(scale.y(value))
                );
            }
            open = value.is_some();
        }
        let y = 24.0;
        let name = crate::tables::text(&column.label);
        let x = RIGHT - 90.0 * turn as f64;
        let _ = writeln!(
            out,
            "<path class=\"l l{turn}\" d=\"{path}\"/><path class=\"l l{turn}\" d=\"M{} {}h14\"/>\
             <text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{name}</text>",
            at(x - 72.0),
            y - 4.0,
            at(x)
        );
    }
    months(&mut out, bars.iter().map(|b| b.time), x);
    frame(title, WIDTH, HEIGHT, &out)
}

/// The change of each day above its volume.
pub(super) fn days(title: &str, days: &[Day], volume_digits: u32) -> String {
    let changes: Vec<f64> = days.iter().map(|day| day.change.unwrap_or(0.0)).collect();
    let most = changes.iter().fold(1.0f64, |most, change| most.max(change.abs()));
    let scale = Scale { low: -most, high: most, top: TOP + 4.0, bottom: 200.0 };
    let mut out = String::new();
    grid(&mut out, scale, 4.0, |value| format!("{} %", compact(value).replace('-', "−")));
    columns(&mut out, &changes, scale, |i| usize::from(changes[i] < 0.0), ["us", "ds"]);
    let volumes: Vec<f64> = days.iter().map(|day| day.volume as f64).collect();
    let most = volumes.iter().copied().fold(1.0, f64::max);
    let below = Scale { low: 0.0, high: most, top: 224.0, bottom: BOTTOM };
    let unit = 10f64.powi(volume_digits as i32);
    grid(&mut out, below, 3.0, |value| compact(value / unit));
    columns(&mut out, &volumes, below, |_| 0, ["us", "ds"]);
    let room = (RIGHT - LEFT) / days.len() as f64;
    months(&mut out, days.iter().map(|day| day.time), |i| LEFT + (i as f64 + 0.5) * room);
    frame(title, WIDTH, HEIGHT, &out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round() {
        let check = |low: f64, high: f64, expect: &[f64]| {
            let scale = Scale { low, high, top: 0.0, bottom: 1.0 };
            assert_eq!(scale.marks(4.0), expect);
        };
        check(0.0, 10.0, &[0.0, 5.0, 10.0]);
        check(-3.0, 4.0, &[-2.0, 0.0, 2.0, 4.0]);
        check(110.0, 290.0, &[150.0, 200.0, 250.0]);
        check(7.0, 7.0, &[7.0]);
    }
}
