//! Rows of every form, written as lines and read back: neither the fast reader nor the way a stream is
//! cut changes anything.

use model::Unit;
use proptest::prelude::*;
use source::Provider as _;
use source::binance::Binance;
use source::form::Kind;
use source::rows::Row;

use super::tests::{AGG, COINM, FUTURES, KLINES, METRICS, QUOTES, TRADES, decimal, parse_all_ways};
use super::*;

fn unit_of(index: usize) -> Unit {
    let ids = [
        TRADES,
        FUTURES,
        COINM,
        AGG,
        "binance/usdm/agg_trades/BTCUSDT/2024-01-01",
        "binance/coinm/agg_trades/BTCUSD_PERP/2024-01-01",
        KLINES,
        "binance/usdm/klines/BTCUSDT/1m/2024-01-01",
        "binance/coinm/klines/BTCUSD_PERP/1m/2024-01-01",
        "binance/usdm/mark_klines/BTCUSDT/1m/2024-01-01",
        "binance/coinm/premium_klines/BTCUSD_PERP/1h/2024-01",
        "binance/usdm/funding/BTCUSDT/2024-01",
        QUOTES,
        METRICS,
    ];
    ids[index % ids.len()].parse().expect("unit")
}

/// An instant (µs) in a form.
fn written(micros: i64, form: &str) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(String::new, |time| time.format(form).to_string())
}

/// The line that says `row`; `decimals` and `micros` are the writer's habits.
fn render(form: &Form, symbol: &str, row: &Row, decimals: usize, micros: bool) -> String {
    let fine = |value: i128| {
        let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
        format!("{sign}{}.{:016}", value / 10_u128.pow(16), value % 10_u128.pow(16))
    };
    let fixed = |value: i128| {
        let text = decimal(value);
        match text.split_once('.') {
            None if decimals == 0 => text,
            None => format!("{text}.{:0<decimals$}", ""),
            Some((whole, part)) => format!("{whole}.{part:0<decimals$}"),
        }
    };
    let fields: Vec<String> = form
        .fields
        .iter()
        .map(|(_, kind)| match *kind {
            Kind::Long(slot) => row.longs[slot].to_string(),
            Kind::Instant(slot) if micros => row.longs[slot].to_string(),
            Kind::Instant(slot) => (row.longs[slot] / 1_000).to_string(),
            Kind::Price(slot) | Kind::MaybePrice(slot) => fixed(i128::from(row.prices[slot])),
            Kind::Amount(slot) => fixed(row.amounts[slot]),
            Kind::Flag(slot) => row.flags[slot].to_string(),
            Kind::Day(slot) => written(row.longs[slot], "%Y-%m-%d"),
            Kind::Closing(slot, _) => written(row.longs[slot], "%Y-%m-%d %H:%M:%S"),
            Kind::MaybeFine(slot) => fine(row.amounts[slot]),
            Kind::Symbol => symbol.to_owned(),
            Kind::Ignored => "0".to_owned(),
        })
        .collect();
    fields.join(",")
}

prop_compose! {
    fn any_row()(
        longs in [any::<i64>(), any::<i64>(), any::<i64>(), any::<i64>()],
        prices in prop::array::uniform4(prop_oneof![
            0..10_i64.pow(18), -10_i64.pow(18) + 1..10_i64.pow(18), 0..1_000_000_000_000_i64
        ]),
        amounts in prop::array::uniform4(prop_oneof![
            0..10_i128.pow(28), -10_i128.pow(28) + 1..10_i128.pow(28), 0..1_000_000_000_000_i128
        ]),
        flags in any::<[bool; 2]>(),
        into in any::<prop::sample::Index>(),
        decimals in 0..12_usize,
        micros in any::<bool>(),
    ) -> (Row, prop::sample::Index, usize, bool) {
        (Row { longs, prices, amounts, flags, ..Row::default() }, into, decimals, micros)
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        index in 0..14_usize,
        header in any::<bool>(),
        crlf in any::<bool>(),
        ended in any::<bool>(),
        lines in prop::collection::vec(any_row(), 0..40),
    ) {
        let unit = unit_of(index);
        let form = Binance.form(&unit).expect("a form");
        let period = unit.period.micros();
        let end = if crlf { "\r\n" } else { "\n" };
        let mut csv = String::new();
        if header {
            let names: Vec<_> = form.fields.iter().map(|(name, _)| *name).collect();
            csv = names.join(",") + end;
        }
        let mut expect = Vec::new();
        for (mut row, into, decimals, micros) in lines {
            let grain = if micros { 1 } else { 1_000 };
            let time = period.start + into.index((period.end - period.start) as usize) as i64;
            for (_, kind) in form.fields {
                match kind {
                    Kind::Instant(slot) => row.longs[*slot] = time / grain * grain,
                    Kind::Closing(slot, within) => {
                        row.longs[*slot] = time / 1_000_000 * 1_000_000;
                        row.longs[*within] = row.longs[*slot];
                    }
                    _ => {}
                }
            }
            for slot in form.has.longs..4 { row.longs[slot] = 0; }
            for slot in form.has.prices..4 { row.prices[slot] = 0; }
            for slot in form.has.amounts..4 { row.amounts[slot] = 0; }
            for slot in form.has.flags..2 { row.flags[slot] = false; }
            csv += &render(form, unit.symbol.as_str(), &row, decimals, micros);
            csv += end;
            expect.push(row);
        }
        if !ended {
            csv.truncate(csv.trim_end().len());
        }
        let (rows, rejects, read) = parse_all_ways(&unit, csv.as_bytes());
        prop_assert_eq!(&rejects, &[]);
        prop_assert_eq!(read, expect.len() as u64);
        for (row, expect) in rows.iter().zip(&expect) {
            prop_assert!(row.same_content(expect), "{:?} {:?}", row, expect);
        }
    }

    #[test]
    fn any_bytes_are_accounted_for(
        index in 0..14_usize,
        bytes in prop::collection::vec(any::<u8>(), 0..6_000),
    ) {
        parse_all_ways(&unit_of(index), &bytes);
    }

    #[test]
    fn damaged_rows_are_accounted_for(
        index in 0..14_usize,
        lines in prop::collection::vec(any_row(), 1..30),
        damage in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(b"0123456789.,\n\r-+eETtrueFalse\" \xff".to_vec())),
            0..20,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let unit = unit_of(index);
        let form = Binance.form(&unit).expect("a form");
        let period = unit.period.micros();
        let mut csv = Vec::new();
        for (mut row, into, decimals, micros) in lines {
            let time = period.start + into.index((period.end - period.start) as usize) as i64;
            for (_, kind) in form.fields {
                if let Kind::Instant(slot) | Kind::Closing(slot, _) = kind {
                    row.longs[*slot] = time;
                }
            }
            let symbol = unit.symbol.as_str();
            csv.extend_from_slice(render(form, symbol, &row, decimals, micros).as_bytes());
            csv.push(b'\n');
        }
        for (place, byte) in damage {
            let place = place.index(csv.len());
            csv[place] = byte;
        }
        for cut in cuts {
            let place = cut.index(csv.len());
            csv.remove(place);
            if csv.is_empty() {
                break;
            }
        }
        parse_all_ways(&unit, &csv);
    }
}
