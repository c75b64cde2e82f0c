//! Signals of what is known of the company: price by earnings.

use super::{Direction, Kind, PeAlert, Signal};
use crate::bars::Bars;
use crate::beside::Beside;
use crate::stats::{DAY_US, close_us};

/// Where the figure that is known when a bar closes comes to lie beyond a threshold: at the first such bar,
/// and again when it was on the near side, unknown or too old in between. A company that earns nothing has
/// no such figure, or one below zero: it is neither cheap nor dear.
pub(super) fn price_earnings(bars: &Bars, beside: &Beside, limits: PeAlert) -> Vec<Signal> {
    if beside.price_earnings.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut before = Direction::Neutral;
    for at in 0..bars.len() {
        let known_us = close_us(bars, at);
        let ratio = beside.price_earnings.fresh(known_us, i64::from(limits.days) * DAY_US);
        let ratio = ratio.copied().flatten().filter(|ratio| *ratio > 0.0);
        let now = match ratio {
            Some(ratio) if ratio > limits.high => Direction::Bearish,
            Some(ratio) if ratio < limits.low => Direction::Bullish,
            _ => Direction::Neutral,
        };
        if std::mem::replace(&mut before, now) == now {
            continue;
        }
        let (Some(ratio), Direction::Bullish | Direction::Bearish) = (ratio, now) else { continue };
        let dear = now == Direction::Bearish;
        let threshold = if dear { limits.high } else { limits.low };
        found.push(Signal {
            at,
            kind: Kind::PeAlert,
            direction: now,
            // the part of the greater of the two that lies between them
            strength: if dear { 1.0 - threshold / ratio } else { 1.0 - ratio / threshold },
            values: vec![("price_earnings", ratio), ("threshold", threshold)],
            known_us,
            description: format!(
                "price by earnings of {ratio:.2} is {} {threshold}",
                if dear { "above" } else { "below" },
            ),
        });
    }
    found
}
