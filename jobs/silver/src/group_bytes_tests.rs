//! Tests of the bytes of a group's files: the same for the same archives, and those of the version that
//! their names state.

use proptest::prelude::*;

use super::tests::{DAY_1, Lab, MONTH, START, archive_of, of, other_trade, trade};
use super::*;

/// The bytes of each file of a group.
fn bytes_of(limits: Limits, archives: &[(&str, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut lab = Lab::new();
    lab.limits = limits;
    let built = lab.build(archives);
    built
        .files
        .iter()
        .map(|(_, file)| file)
        .chain(built.units.iter().flat_map(|u| u.rejects.iter().map(|(_, file)| file)))
        .map(|file| std::fs::read(file.staged.path()).expect("read"))
        .collect()
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut rows: Vec<String> =
        (0..30_000).map(|n| trade(n, START + n * 4_000)).chain(["bad\n".to_owned()]).collect();
    for shuffled in [false, true] {
        if shuffled {
            random.shuffle(&mut rows);
        }
        let archives = [(MONTH, archive_of(MONTH, &rows.concat()))];
        let limits = |memory, block| Limits { memory, row_group_rows: 4_096, block };
        let one = bytes_of(limits(64 << 20, BLOCK), &archives);
        assert_eq!(one.len(), 3, "two days and a file of rejects");
        assert!(one == bytes_of(limits(0, BLOCK), &archives), "less memory");
        assert!(one == bytes_of(limits(1 << 20, 10_000), &archives), "smaller blocks");
    }
}

#[test]
fn the_bytes_are_those_of_the_version_that_the_names_state() {
    let rows: String = (0..20_000)
        .map(|n| trade(n, START + n * 4_000))
        .chain([other_trade(3, START + 12_000), "bad\n".to_owned()])
        .collect();
    let limits = Limits { memory: 64 << 20, row_group_rows: 4_096, block: BLOCK };
    let bytes = bytes_of(limits, &[(DAY_1, archive_of(DAY_1, &rows))]);
    let found: Vec<String> =
        bytes.iter().map(|b| model::unit::sha256_hex(b)[..16].to_owned()).collect();
    assert_eq!(
        (model::plan::SILVER_BYTES, found.join(" ").as_str()),
        (2, "c71cb7ef5a9c2375 db4d2360c81a7f30 e996315a6ce7e90a"),
        "silver makes other bytes of the same archive: raise model::plan::SILVER_BYTES"
    );
}

/// The number of trades and the end of a bar may be null in the table; in a file of a source that states
/// them they never are, as in files of former versions.
#[test]
fn bars_that_state_all_have_the_bytes_that_they_had() {
    let row = |n: i64| {
        let (open, close) = (START + n * 60_000, START + n * 60_000 + 59_999);
        format!("{open},1.5,2.5,0.5,2,{n}.25,{close},{n}.5,{},{n}.125,{n}.0625,0\n", n % 7)
    };
    let rows = (0..3_000).map(row).collect::<Vec<_>>().concat();
    let unit = "binance/spot/klines/BTCUSDT/1m/2024-01";
    let limits = Limits { memory: 64 << 20, row_group_rows: 1_024, block: BLOCK };
    let bytes = bytes_of(limits, &[(unit, archive_of(unit, &rows))]);
    assert_eq!(bytes.len(), 1, "one month");
    assert_eq!(
        (model::plan::SILVER_BYTES, &model::unit::sha256_hex(&bytes[0])[..16]),
        (2, "66687305791442c6"),
        "silver makes other bytes of the same archive: raise model::plan::SILVER_BYTES"
    );
}

proptest! {
    /// Whatever happens to the bytes of a zip: it is corrupt, or it says what it said before.
    #[test]
    fn a_damaged_zip_never_lies(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let csv: String = (0..200).map(|n| trade(n, START + n)).collect();
        let mut bytes = archive_of(DAY_1, &csv);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let lab = Lab::new();
        let built = lab.build(&[(DAY_1, bytes)]);
        let unit = &built.units[0];
        if unit.corrupt.is_some() {
            prop_assert!(built.files.is_empty());
            prop_assert_eq!(unit.counts, RowCounts::default());
        } else {
            prop_assert_eq!(unit.counts, of(200, 200, 0, 0, 0));
        }
    }
}
