//! Signals of volumes.

use super::{Direction, Kind, Signal, VolumeSpike};
use crate::bars::Bars;
use crate::stats::{close_us, means_before, price};

/// Where the volume is so many percent above its mean; in the direction in which the price went meanwhile.
pub(super) fn spikes(bars: &Bars, limits: VolumeSpike) -> Vec<Signal> {
    let means = means_before(&bars.volume, limits.bars);
    let mut found = Vec::new();
    for (at, mean) in means.into_iter().enumerate() {
        let (Some(mean), Some(volume)) = (mean, bars.volume[at]) else { continue };
        if mean <= 0.0 {
            continue;
        }
        let percent = (volume as f64 / mean - 1.0) * 100.0;
        if percent < limits.percent {
            continue;
        }
        let direction = match bars.close[at].cmp(&bars.open[at]) {
            std::cmp::Ordering::Greater => Direction::Bullish,
            std::cmp::Ordering::Less => Direction::Bearish,
            std::cmp::Ordering::Equal => Direction::Neutral,
        };
        found.push(Signal {
            at,
            kind: Kind::VolumeSpike,
            direction,
            strength: 1.0 - limits.percent / percent,
            values: vec![
                ("percent", percent),
                ("threshold", limits.percent),
                ("open", price(bars.open[at])),
                ("close", price(bars.close[at])),
            ],
            known_us: close_us(bars, at),
            description: format!(
                "the volume is {percent:.0} % above the mean of the {} bars before it, threshold {} %",
                limits.bars, limits.percent,
            ),
        });
    }
    found
}
