//! Bars as the page takes them: columns of differences, split into planes of bytes, deflated, as base64.
//!
//! A minute's bar takes about 9 bytes so. The browser has inflate built in, and what it gets are whole numbers:
//! no price becomes a float on its way.
//!
//! A column is its differences d, each as the unsigned zigzag number 2d or −2d − 1, and those as planes: first
//! the lowest byte of every value, then the next one, as many as the greatest value takes.

use base64::Engine as _;
use serde::Serialize;

use crate::figures::{Bar, IndicatorKind, Instrument, Series};
use crate::{Error, Page};

/// The greatest whole number up to which JavaScript counts exactly.
const EXACT: u64 = 1 << 53;

/// A series as it stands in the page.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Start of the first bar, seconds since the epoch.
    pub(crate) t0: i64,
    /// Length of a bar, seconds.
    pub(crate) step: i64,
    /// Whether time without bars takes no place.
    pub(crate) sessions: bool,
    /// Where bars are not there: after how many of those that are, and how many are not.
    pub(crate) gaps: Vec<(usize, i64)>,
    /// Columns in the order of their bytes.
    pub(crate) columns: Vec<Column>,
    /// All planes, deflated, base64.
    pub(crate) data: String,
}

/// What the page must know of a column to read its bytes.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Column {
    /// What it holds: `o`, `h`, `l`, `c`, `v`, or how an indicator is drawn.
    pub(crate) kind: &'static str,
    /// An indicator's switch.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) group: String,
    /// An indicator's name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) label: String,
    /// Bars without a value: the first of them, and how many in a row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) holes: Vec<(usize, usize)>,
    /// Its values.
    pub(crate) values: usize,
    /// Bytes of a value.
    pub(crate) planes: usize,
}

/// A whole number that JavaScript counts exactly.
pub(crate) fn exact(what: impl FnOnce() -> String, value: i64) -> Result<i64, Error> {
    if value.unsigned_abs() <= EXACT {
        return Ok(value);
    }
    Err(Error::TooGreat { what: what(), value })
}

/// Packs a series; `name` is told in errors, `digits` are those of its prices.
pub(crate) fn pack(name: &str, series: &Series, digits: u32) -> Result<Packed, Error> {
    let bars = &series.bars;
    let misplaced = |time| Error::Misplaced { series: name.to_owned(), time };
    let mut gaps = Vec::new();
    for (index, pair) in bars.windows(2).enumerate() {
        let apart = pair[1].time - pair[0].time;
        if series.step <= 0 || apart <= 0 || apart % series.step != 0 {
            return Err(misplaced(pair[1].time));
        }
        if apart > series.step {
            gaps.push((index + 1, apart / series.step - 1));
        }
    }
    let t0 = bars.first().map_or(0, |bar| bar.time);
    if t0 % 1_000_000 != 0 || series.step % 1_000_000 != 0 {
        return Err(misplaced(t0));
    }
    let mut packer = Packer { columns: Vec::new(), planes: Vec::new() };
    let mut before = 0;
    let mut opens = Vec::with_capacity(bars.len());
    for bar in bars {
        for value in [bar.open, bar.high, bar.low, bar.close, bar.volume] {
            exact(|| format!("{name}: a figure of the bar of {}", bar.time), value)?;
        }
        opens.push(bar.open - before);
        before = bar.close;
    }
    let column = |of: fn(&Bar) -> i64| bars.iter().map(of).collect::<Vec<_>>();
    packer.put("o", ("", ""), vec![], &opens);
    packer.put("c", ("", ""), vec![], &column(|b| b.close - b.open));
    packer.put("h", ("", ""), vec![], &column(|b| b.high - b.open.max(b.close)));
    packer.put("l", ("", ""), vec![], &column(|b| b.open.min(b.close) - b.low));
    packer.put("v", ("", ""), vec![], &column(|b| b.volume));
    for indicator in &series.indicators {
        if indicator.values.len() != bars.len() {
            return Err(Error::Uneven {
                series: name.to_owned(),
                indicator: indicator.label.clone(),
                values: indicator.values.len(),
                bars: bars.len(),
            });
        }
        let unit = match indicator.kind {
            IndicatorKind::Rsi => 100.0,
            _ => 100.0 * 10f64.powi(digits as i32),
        };
        let mut holes: Vec<(usize, usize)> = Vec::new();
        let mut steps = Vec::with_capacity(bars.len());
        let mut before = 0;
        for (index, value) in indicator.values.iter().enumerate() {
            let Some(value) = value else {
                match holes.last_mut() {
                    Some((from, many)) if *from + *many == index => *many += 1,
                    _ => holes.push((index, 1)),
                }
                continue;
            };
            // a value that is no number, or beyond counting, ends as the greatest i64 and is refused
            let scaled = (value * unit).round();
            let now = if scaled.is_finite() { scaled as i64 } else { i64::MAX };
            exact(|| format!("{name}: {}", indicator.label), now)?;
            steps.push(now - before);
            before = now;
        }
        packer.put(kind(indicator.kind), (&indicator.group, &indicator.label), holes, &steps);
    }
    Ok(Packed {
        t0: t0 / 1_000_000,
        step: series.step / 1_000_000,
        sessions: series.sessions,
        gaps,
        columns: packer.columns,
        data: base64::engine::general_purpose::STANDARD
            .encode(miniz_oxide::deflate::compress_to_vec(&packer.planes, 9)),
    })
}

/// What the page's program calls it.
fn kind(kind: IndicatorKind) -> &'static str {
    match kind {
        IndicatorKind::Line => "line",
        IndicatorKind::BandUpper => "upper",
        IndicatorKind::BandLower => "lower",
        IndicatorKind::Rsi => "rsi",
        IndicatorKind::Macd => "macd",
        IndicatorKind::MacdSignal => "signal",
        IndicatorKind::MacdHistogram => "histogram",
    }
}

/// Columns on their way into bytes.
struct Packer {
    columns: Vec<Column>,
    planes: Vec<u8>,
}

impl Packer {
    fn put(
        &mut self,
        kind: &'static str,
        (group, label): (&str, &str),
        holes: Vec<(usize, usize)>,
        values: &[i64],
    ) {
        // zigzag: small numbers of either sign are small
        let zigzag = |d: &i64| ((d << 1) ^ (d >> 63)) as u64;
        let greatest = values.iter().map(zigzag).max().unwrap_or(0);
        let planes = (64 - greatest.leading_zeros()).div_ceil(8) as usize;
        for plane in 0..planes {
            self.planes.extend(values.iter().map(|d| (zigzag(d) >> (8 * plane)) as u8));
        }
        self.columns.push(Column {
            kind,
            group: group.to_owned(),
            label: label.to_owned(),
            holes,
            values: values.len(),
            planes,
        });
    }
}

/// A part of a file's name: what such a name may not have becomes `_xx`, its bytes in hexadecimal digits.
pub(crate) fn safe(text: &str) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => char::from(b).to_string(),
        _ => format!("_{b:02x}"),
    };
    text.bytes().map(byte).collect()
}

/// How names of an instrument's files begin: `spot-BTCUSDT`.
pub(crate) fn stem(instrument: &Instrument) -> String {
    format!("{}-{}", safe(&instrument.market), safe(&instrument.symbol))
}

/// The name of a file of bars: the run stands in it, or a reader of a page that is being replaced would mix two.
pub(crate) fn file_name(page: &Page, instrument: &Instrument, timeframe: &str) -> String {
    let run = page.run.as_deref().map_or_else(|| page.made_at.to_string(), safe);
    format!("data/{}-{}-{run}.js", stem(instrument), safe(timeframe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Indicator;

    const MINUTE: i64 = 60_000_000;

    fn bar(minute: i64, close: i64) -> Bar {
        let (open, high, low) = (close - 3, close + 7, close - 11);
        Bar { time: minute * MINUTE, open, high, low, close, volume: close * 2 }
    }

    fn series(bars: Vec<Bar>) -> Series {
        Series { timeframe: "1m".into(), step: MINUTE, bars, ..Series::default() }
    }

    /// Columns as the page reads them.
    fn read(packed: &Packed) -> Vec<Vec<i64>> {
        let deflated = base64::engine::general_purpose::STANDARD.decode(&packed.data).unwrap();
        let bytes = miniz_oxide::inflate::decompress_to_vec(&deflated).unwrap();
        let mut rest = bytes.as_slice();
        let mut columns = Vec::new();
        for column in &packed.columns {
            let mut values = vec![0u64; column.values];
            for plane in 0..column.planes {
                let (these, others) = rest.split_at(column.values);
                values.iter_mut().zip(these).for_each(|(v, b)| *v |= u64::from(*b) << (8 * plane));
                rest = others;
            }
            columns.push(values.iter().map(|z| (z >> 1) as i64 ^ -((z & 1) as i64)).collect());
        }
        assert!(rest.is_empty());
        columns
    }

    #[test]
    fn bars_come_back() {
        let bars: Vec<_> =
            [(0, 100), (1, 90_000), (2, 90_001), (5, 4)].map(|(t, c)| bar(t, c)).into();
        let packed = pack("x", &series(bars.clone()), 2).unwrap();
        assert_eq!((packed.t0, packed.step, packed.gaps.clone()), (0, 60, vec![(3, 2)]));
        let columns = read(&packed);
        let mut last = 0;
        for (i, bar) in bars.iter().enumerate() {
            let open = last + columns[0][i];
            let close = open + columns[1][i];
            last = close;
            let (high, low) = (open.max(close) + columns[2][i], open.min(close) - columns[3][i]);
            assert_eq!((open, high, low, close), (bar.open, bar.high, bar.low, bar.close));
            assert_eq!(columns[4][i], bar.volume);
        }
    }

    #[test]
    fn indicators_have_holes_where_they_have_no_value() {
        let mut series = series((0..6).map(|t| bar(t, 100)).collect());
        let values = vec![None, None, Some(1.005), None, Some(1.0), Some(-2.0)];
        let (group, label, kind) = ("SMA".into(), "SMA 3".into(), IndicatorKind::Line);
        series.indicators.push(Indicator { group, label, kind, values });
        let packed = pack("x", &series, 2).unwrap();
        assert_eq!(packed.columns[5].holes, [(0, 2), (3, 1)]);
        // hundredths of the smallest unit, as differences
        assert_eq!(read(&packed)[5], [10_050, -50, -30_000]);
        series.indicators[0].values.pop();
        assert!(matches!(pack("x", &series, 2), Err(Error::Uneven { values: 5, bars: 6, .. })));
        series.indicators[0].values.push(Some(f64::NAN));
        assert!(matches!(pack("x", &series, 2), Err(Error::TooGreat { .. })));
    }

    #[test]
    fn what_javascript_would_round_is_refused() {
        let greatest = 1i64 << 53;
        assert_eq!(exact(String::new, greatest).unwrap(), greatest);
        assert_eq!(exact(String::new, -greatest).unwrap(), -greatest);
        assert!(exact(String::new, greatest + 1).is_err());
        assert!(exact(String::new, i64::MIN).is_err());
        let error = pack("BTC/1m", &series(vec![bar(0, greatest)]), 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "BTC/1m: a figure of the bar of 0 is 9007199254740999, and the page counts exactly only up to \
             2^53; give it fewer digits"
        );
    }

    #[test]
    fn bars_stand_in_order_on_whole_steps() {
        let check = |times: &[i64], holds: bool| {
            let bars = times.iter().map(|t| Bar { time: *t, ..bar(0, 100) }).collect();
            assert_eq!(pack("x", &series(bars), 2).is_ok(), holds, "{times:?}");
        };
        check(&[], true);
        check(&[0, MINUTE, 5 * MINUTE], true);
        check(&[0, 0], false);
        check(&[MINUTE, 0], false);
        check(&[0, MINUTE + 1_000_000], false);
        check(&[7], false);
    }

    #[test]
    fn names_of_files_are_safe() {
        let page = Page { run: Some("2026/1 x".into()), ..Page::default() };
        let name = |page: &Page, symbol: &str| {
            let (symbol, market) = (symbol.to_owned(), "spot".to_owned());
            file_name(page, &Instrument { symbol, market, ..Instrument::default() }, "1m")
        };
        assert_eq!(name(&page, "BRK.B"), "data/spot-BRK.B-1m-2026_2f1_20x.js");
        assert_eq!(name(&page, "币"), "data/spot-_e5_b8_81-1m-2026_2f1_20x.js");
        let page = Page { made_at: 7, ..Page::default() };
        assert_eq!(name(&page, "A"), "data/spot-A-1m-7.js");
    }
}
