//! Files of silver that are not what was committed: nothing is built from them, and the symbol is
//! told; the others are built.

use model::layout;
use model::schema::Table;

use crate::lab::{Lab, ONE, Trade, at};

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
