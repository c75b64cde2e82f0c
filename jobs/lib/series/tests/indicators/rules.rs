//! Anomalies and signals of an exchange's bars of 1h, 2017-08 to 2018-12: what is known to have happened is
//! found, and little else.

use series::anomalies::{self, Anomaly, Kind, anomalies};
use series::beside::Beside;
use series::indicators::{self, indicators};
use series::signals::{self, signals};

use crate::shared;
use crate::walks::archives;

#[test]
fn what_happened_to_real_bars_is_found() {
    let Some(folder) = shared("binance/spot-klines-1h") else { return };
    let bars = archives(&folder);
    let indicators = indicators(&bars, &indicators::Settings::default());
    let beside = Beside::default();
    let found = anomalies(&bars, &indicators, &beside, &anomalies::Settings::default());
    let of = |kind| found.iter().filter(move |anomaly| anomaly.kind == kind);
    // each by the hour, since the epoch, at which its bar opened
    let hours = |kind| -> Vec<(i64, i64)> {
        of(kind).map(|Anomaly { at, value, .. }| (bars.place[*at], *value as i64)).collect()
    };

    // the outages of the exchange, that of 2018-02-08 the longest, with the bars that are missing
    assert_eq!(
        hours(Kind::Gap),
        [
            (417_983, 7),
            (420_845, 1),
            (421_713, 32),
            (425_004, 10),
            (425_030, 1),
            (425_192, 7),
            (427_761, 3),
            (428_385, 7)
        ]
    );
    // 2018-10-11 01:00, the price fell by 3 % within an hour after weeks of calm
    let fall = of(Kind::ExtremePriceMovement).find(|found| bars.place[found.at] == 427_561);
    assert_eq!(fall.map(|found| found.value as i64), Some(-19));
    // 2018-10-15 06:00, when Tether lost its peg: of this hour the wick and the relative strength
    assert_eq!(hours(Kind::BadPrint), [(427_662, 8)]);
    assert_eq!(hours(Kind::ExtremeRsi), [(427_662, 93)]);
    assert_eq!(hours(Kind::StalePrice), []);
    // what stands out is rare
    let rare = |kind, percent: f64| {
        let part = of(kind).count() as f64 * 100.0 / bars.len() as f64;
        assert!(part > 0.0 && part < percent, "{part} % {kind:?}");
    };
    rare(Kind::ExtremePriceMovement, 1.2);
    rare(Kind::VolumeSpike, 0.2);

    let found = signals(&bars, &indicators, &beside, &signals::Settings::default());
    let count = |kind| found.iter().filter(|signal| signal.kind == kind).count();
    // whoever goes in comes out, but for the one who may be inside at the end
    for (enters, leaves) in [
        (signals::Kind::RsiEntersOversold, signals::Kind::RsiLeavesOversold),
        (signals::Kind::RsiEntersOverbought, signals::Kind::RsiLeavesOverbought),
    ] {
        assert!(count(enters) > 100 && count(enters) - count(leaves) <= 1, "{enters:?}");
    }
    // lines cross up and down in turn
    for kind in [signals::Kind::MacdCross, signals::Kind::SmaCross, signals::Kind::PriceVsSma] {
        let ways: Vec<_> = found
            .iter()
            .filter(|signal| signal.kind == kind)
            .map(|signal| signal.direction)
            .collect();
        assert!(ways.len() > 200 && ways.windows(2).all(|ways| ways[0] != ways[1]), "{kind:?}");
    }
}
