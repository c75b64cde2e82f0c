//! Files of silver that are not what was committed: nothing is built from them, and the symbol is
//! told; the others are built.

use model::layout;
use model::schema::Table;

use crate::derive::{kline, klines};
use crate::lab::{Lab, ONE, Trade, at};
use gold::models::Engine;

fn trade(id: i64, time_us: i64) -> Trade {
    Trade { id, time_us, price: 100_000_000, quantity: ONE, quote: ONE, maker: false, valid: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flipped_bit_spreads_into_a_bar() {
    let lab = Lab::new();
    for (symbol, minute) in [("BTCUSDT", 0), ("ETHUSDT", 1)] {
        let time = |n| at("2024-01-31", 6, minute, n);
        let trades: Vec<Trade> = (0..200).map(|n| trade(n, time(n))).collect();
        lab.trades(symbol, &trades).await;
    }
    let live = lab.tables.live_files(Table::Trades, |_| true).await.unwrap();
    let file = live.iter().find(|file| file.path.contains("BTCUSDT")).unwrap();
    assert!(file.crc32().is_some(), "the log knows the file's CRC-32");
    let key = format!("{}/{}", layout::table(Table::Trades), file.path);
    let path = lab.context.lake.directory().unwrap().join(&key);
    let sound = std::fs::read(&path).unwrap();
    let options = gold::Options { all: true, ..gold::Options::default() };
    let mut damages: Vec<Vec<u8>> = (0..40)
        .map(|n| {
            let mut bytes = sound.clone();
            bytes[n * (sound.len() - 1) / 39] ^= 1 << (n % 8);
            bytes
        })
        .collect();
    damages.push(sound[..sound.len() / 2].to_vec());
    damages.push(Vec::new());
    for damaged in &damages {
        std::fs::write(&path, damaged).unwrap();
        let failure = gold::run(&lab.context, &options).await.expect_err("a spoiled file");
        let text = format!("{:#}", failure.error);
        assert!(text.contains(&key) && text.contains("rebuild --table silver.trades"), "{text}");
        let built: Vec<String> = lab.fragments().await.into_iter().map(|f| f.id).collect();
        assert_eq!(built, ["binance/spot/ETHUSDT"], "{text}");
    }
    std::fs::remove_file(&path).unwrap();
    let failure = gold::run(&lab.context, &options).await.expect_err("a lost file");
    assert!(format!("{:#}", failure.error).contains("is gone"), "{:#}", failure.error);
    std::fs::write(&path, &sound).unwrap();
    gold::run(&lab.context, &options).await.map_err(|f| f.error).unwrap();
    assert_eq!(lab.fragments().await.len(), 2);
}

/// The only live file of a table that a word stands in, as a key and as a path.
async fn file_of(lab: &Lab, table: Table, word: &str) -> (String, std::path::PathBuf) {
    let live = lab.tables.live_files(table, |_| true).await.unwrap();
    let found: Vec<_> = live.iter().filter(|file| file.path.contains(word)).collect();
    assert_eq!(found.len(), 1, "{table} {word}");
    let key = format!("{}/{}", layout::table(table), found[0].path);
    let path = lab.context.lake.directory().unwrap().join(&key);
    (key, path)
}

/// Turns one bit of some places of a file, one after the other, and puts it in order again.
async fn refused(lab: &Lab, engine: Engine, key: &str, path: &std::path::Path) {
    let sound = std::fs::read(path).unwrap();
    for n in 0..8 {
        let mut bytes = sound.clone();
        bytes[n * (sound.len() - 1) / 7] ^= 1 << n;
        std::fs::write(path, bytes).unwrap();
        let options = gold::Options { all: true, engine, ..gold::Options::default() };
        let failure = gold::run(&lab.context, &options).await.expect_err("a spoiled file");
        let text = format!("{:#}", failure.error);
        assert!(text.contains(key) && text.contains("makes the table anew"), "{text}");
        assert_eq!(failure.exit, model::exit::Exit::DataRefused, "{text}");
        assert!(lab.fragments().await.is_empty());
    }
    std::fs::write(path, sound).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sql_is_asked_is_verified_like_what_is_folded() {
    for engine in [Engine::Fold, Engine::Sql] {
        let lab = Lab::new();
        // a damaged row: the day is looked at and then made from klines
        let time = |n| at("2024-01-31", 6, 0, n);
        let trades: Vec<Trade> =
            (0..50).map(|n| Trade { valid: n != 7, ..trade(n, time(n)) }).collect();
        lab.trades("BTCUSDT", &trades).await;
        let hours = (0..24).map(|hour| kline(at("2024-01-31", hour, 0, 0), 7, 8));
        klines(&lab, "1h", &hours.collect::<Vec<_>>()).await;
        // and one that is whole
        lab.trades("BTCUSDT", &[trade(50, at("2024-02-01", 0, 0, 0))]).await;
        for (table, word) in [
            (Table::Trades, "2024-01-31"),
            (Table::Klines, "2024-01"),
            (Table::Trades, "2024-02-01"),
        ] {
            let (key, path) = file_of(&lab, table, word).await;
            refused(&lab, engine, &key, &path).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_other_months_only_what_is_needed_is_read() {
    let lab = Lab::new();
    let of = |day: &str, id| trade(id, at(day, 6, 0, 0));
    let days = ["2024-01-31", "2024-02-01", "2024-02-02"];
    let trades: Vec<Trade> = (0..).zip(days).map(|(id, day)| of(day, id)).collect();
    lab.trades("BTCUSDT", &trades).await;
    lab.gold(true, Engine::Fold).await;
    lab.dirty("BTCUSDT", &["2024-02"]).await;
    let build = async || {
        // what an earlier attempt has made is of no use here
        for fragment in lab.fragments().await {
            let key = layout::fragment(&lab.context.run, "gold", &fragment.id);
            std::fs::remove_file(lab.context.lake.directory().unwrap().join(key)).unwrap();
        }
        let built = gold::run(&lab.context, &gold::Options::default()).await;
        built.map_err(|failure| format!("{:#}", failure.error))
    };
    build().await.unwrap();
    let expect = lab.fragments().await[0].files.clone();
    // the log says all of the day beside the month
    let (key, path) = file_of(&lab, Table::Trades, "2024-01-31").await;
    let sound = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![0; sound.len()]).unwrap();
    build().await.unwrap();
    assert_eq!(lab.fragments().await[0].files, expect);
    // one that is of another size, or gone, is told all the same
    std::fs::write(&path, &sound[1..]).unwrap();
    let text = build().await.unwrap_err();
    assert!(text.contains(&key) && text.contains("bytes, expected the"), "{text}");
    std::fs::remove_file(&path).unwrap();
    let text = build().await.unwrap_err();
    assert!(text.contains(&key) && text.contains("is gone"), "{text}");
    std::fs::write(&path, &sound).unwrap();
    // of bars of other months the pages of data know
    let (_, path) = file_of(&lab, Table::Bars, "timeframe=1d/month=2024-01").await;
    let sound = std::fs::read(&path).unwrap();
    let length: [u8; 4] = sound[sound.len() - 8..sound.len() - 4].try_into().unwrap();
    let data = sound.len() - 8 - u32::from_le_bytes(length) as usize;
    for n in 1..24 {
        let mut bytes = sound.clone();
        bytes[n * data / 24] ^= 1 << (n % 8);
        std::fs::write(&path, bytes).unwrap();
        // refused, or it lies in a column that nobody reads
        if build().await.is_ok() {
            assert_eq!(lab.fragments().await[0].files, expect, "place {n}");
        }
    }
}
