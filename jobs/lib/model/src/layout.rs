//! Where everything lies in the lake. The only place that builds or parses keys.
//!
//! A key is ASCII: what else a symbol or a file's name holds is percent-encoded in it, on every
//! back end. So a lake can be copied between file systems and buckets as it is.
//!
//! ```text
//! bronze/source=…/market=…/dataset=…/symbol=…/[timeframe=…/]period=…/<version>/<name>   raw bytes
//! bronze/archives/            the ledger table        bronze/index/   its extract for plan
//! bronze/instruments/source=…/market=…/<day>.json.zst  what the source said of its instruments, as received
//! bronze/instruments/source=…/market=…/known.json.zst  since when what holds, by all of these
//! bronze/limits/<source>.json what was asked of a provider, so that runs keep its limits together
//! bronze/limits/<source>/pages/<unit>-<page>.zip      answers of a unit that is not whole yet
//! bronze/limits/<source>/refused/<run>-<series>.json  what the key's plan does not include
//! bronze/limits/<source>-<market>.json  the same of the host that is asked for a market's tail
//! drop/<source>/              files that a person has put there, for a source that cannot be asked
//! silver/<table>/…            gold/<table>/…          ops/<table>/…   Delta tables
//! <zone>/<table>/_head.json   the last version that was committed to a table
//! damaged/<run>/<zone>/<table>/…  logs that a rebuild has set aside
//! runs/<run>/plan.json        runs/<run>/batches/<n>.json.zst
//! runs/<run>/fragments/bronze/<unit>.json             …/silver/<group>.json  …/gold/<part>.json
//! runs/<run>/fragments/tail/<unit>.json  how a tail differs from the archive that replaces it
//! runs/<run>/dirty.json       what gold must rebuild  runs/<run>/summary.json
//! runs/<run>/taken.json       of which silver that is, and whose debts it took over
//! runs/<run>/verdict.json     what check made of the run
//! runs/owed/<run>.json        what gold must rebuild and has not: gone when it has
//! temp/                       spill and staging; anything here may be deleted after 7 days
//! ```

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::market::{Market, Source, Timeframe};
use crate::schema::Table;
use crate::unit::{Unit, short_hash};
use crate::{Day, RunId, percent};

/// Folder of temporary files.
pub const TEMP: &str = "temp";
/// Folder of the ledger extracts that `plan` reads.
pub const INDEX: &str = "bronze/index";
/// Folder of what was asked of providers.
pub const LIMITS: &str = "bronze/limits";
/// Folder of what sources said of their instruments.
pub const INSTRUMENTS: &str = "bronze/instruments";
/// Folder of what people put into the lake, a folder a source.
pub const DROP: &str = "drop";
/// Folder of what a rebuild has set aside, a folder a rebuild.
pub const DAMAGED: &str = "damaged";
/// Folder of all runs.
pub const RUNS: &str = "runs";

/// The folder of what silver says of tails, among a run's fragments.
pub const TAIL: &str = "tail";

/// What stands in a tail's name before the instant.
const UNTIL: &str = ".until-";
/// The form of that instant.
const UNTIL_FORM: &str = "%Y-%m-%dT%H%MZ";
/// Its form where it is no whole minute.
const UNTIL_FORM_FINE: &str = "%Y-%m-%dT%H%M%S.%6fZ";

/// Folder of what runs owe.
pub const OWED: &str = "runs/owed";

/// Folder of the page that is published.
pub const PUBLISHED: &str = "page";

/// A file of the page that is published: `page/index.html`.
pub fn published(name: &str) -> String {
    format!("{PUBLISHED}/{name}")
}

/// The folder of a table, without slashes at its ends: `silver/trades`.
pub fn table(table: Table) -> String {
    format!("{}/{}", table.zone(), table.name())
}

/// The folder of a table's log.
pub fn log(of: Table) -> String {
    format!("{}/_delta_log", table(of))
}

/// One entry of a table's log.
pub fn log_entry(of: Table, version: u64) -> String {
    format!("{}/{version:020}.json", log(of))
}

/// What a table's log must reach up to.
pub fn head(of: Table) -> String {
    format!("{}/_head.json", table(of))
}

/// Where a rebuild puts the log of a table that is damaged.
pub fn damaged_log(run: &RunId, of: Table) -> String {
    damaged(run, &log(of))
}

/// Where a rebuild puts an object that it takes out of the way.
pub fn damaged(run: &RunId, key: &str) -> String {
    format!("{DAMAGED}/{run}/{key}")
}

/// The folder in which all versions of a unit's raw object lie.
pub fn raw_unit(unit: &Unit) -> String {
    let timeframe =
        unit.timeframe.map_or_else(String::new, |t: Timeframe| format!("timeframe={t}/"));
    format!(
        "bronze/source={}/market={}/dataset={}/symbol={}/{timeframe}period={}",
        unit.source,
        unit.market,
        unit.dataset,
        unit.symbol.encoded(),
        unit.period
    )
}

/// The key of one version of a unit's raw object, whose file is called `name`.
pub fn raw(unit: &Unit, version: &str, name: &str) -> String {
    format!("{}/{version}/{}", raw_unit(unit), percent::encode_ref(name))
}

/// The file's name in a raw object's key, as the source has it.
pub fn raw_name(key: &str) -> Option<String> {
    percent::decode(key.rsplit('/').next()?)
}

/// The name of the raw object of a unit's tail, which holds what the source's API said of it up to
/// `until`; `name` is that of its archive: `BTCUSDT-1m-2024-01-31.until-2024-01-31T1233Z.zip`.
pub fn tail_name(name: &str, until: DateTime<Utc>) -> String {
    let (start, ending) = name.rsplit_once('.').unwrap_or((name, "zip"));
    let is_minute = until.timestamp_micros().rem_euclid(60_000_000) == 0;
    let form = if is_minute { UNTIL_FORM } else { UNTIL_FORM_FINE };
    format!("{start}{UNTIL}{}.{ending}", until.format(form))
}

/// Up to which instant the raw object of a key says something, where it is that of a tail. `None` of an
/// archive, and of what was asked for whole.
pub fn tail_until(key: &str) -> Option<DateTime<Utc>> {
    let name = raw_name(key)?;
    let (start, _) = name.rsplit_once('.')?;
    let (_, until) = start.rsplit_once(UNTIL)?;
    let read = |form| NaiveDateTime::parse_from_str(until, form).ok();
    read(UNTIL_FORM).or_else(|| read(UNTIL_FORM_FINE)).map(|until| until.and_utc())
}

/// The version of a raw object, known before the download starts: from the published checksum
/// and the host's ETag, else from either, else from the time of fetching (µs since the epoch).
/// Both take part because a host may mend an archive without its checksum file, or the reverse.
pub fn raw_version(published: Option<&str>, etag: Option<&str>, fetched_micros: i64) -> String {
    match (published, etag) {
        (Some(sha), Some(etag)) => {
            format!("c{}-e{}", &sha[..sha.len().min(16)], &short_hash(etag)[..8])
        }
        (Some(sha), None) => format!("c{}", &sha[..sha.len().min(16)]),
        (None, Some(etag)) => format!("e{}", short_hash(etag)),
        (None, None) => format!("t{fetched_micros}"),
    }
}

/// The folder of a run.
pub fn run(run: &RunId) -> String {
    format!("{RUNS}/{run}")
}

/// The plan of a run.
pub fn plan(run: &RunId) -> String {
    format!("{RUNS}/{run}/plan.json")
}

/// One batch of a run's plan.
pub fn batch(run: &RunId, batch: u32) -> String {
    format!("{RUNS}/{run}/batches/{batch:06}.json.zst")
}

/// Whether a key is that of a fragment: another document follows it, before which it counts for
/// nothing, or it is made again.
pub fn is_followed(key: &str) -> bool {
    let mut parts = key.split('/');
    parts.next() == Some(RUNS) && parts.nth(1) == Some("fragments")
}

/// The folder of a stage's fragments in a run.
pub fn fragments(run: &RunId, stage: &str) -> String {
    format!("{RUNS}/{run}/fragments/{stage}")
}

/// The fragment of one unit, group or partition (`id`) by a stage.
pub fn fragment(run: &RunId, stage: &str, id: &str) -> String {
    format!("{RUNS}/{run}/fragments/{stage}/{}.json", short_hash(id))
}

/// What a run's commit made dirty for gold.
pub fn dirty(run: &RunId) -> String {
    format!("{RUNS}/{run}/dirty.json")
}

/// What stands for the silver that [`dirty`] is of, and the debts that it took over.
pub fn taken(run: &RunId) -> String {
    format!("{RUNS}/{run}/taken.json")
}

/// What a run's commit made dirty for gold, as long as gold has not rebuilt it.
pub fn owed(run: &RunId) -> String {
    format!("{OWED}/{run}.json")
}

/// The run of a key of [`owed`].
pub fn parse_owed(key: &str) -> Option<RunId> {
    key.strip_prefix(OWED)?.strip_prefix('/')?.strip_suffix(".json")?.parse().ok()
}

/// The summary of a run; a run that has one is finished.
pub fn summary(run: &RunId) -> String {
    format!("{RUNS}/{run}/summary.json")
}

/// What check made of a run.
pub fn verdict(run: &RunId) -> String {
    format!("{RUNS}/{run}/verdict.json")
}

/// The ledger extract of a version; text order is version order.
pub fn index(version: u64) -> String {
    format!("{INDEX}/{version:020}.json.zst")
}

/// The version of a ledger extract's key.
pub fn parse_index(key: &str) -> Option<u64> {
    key.strip_prefix(INDEX)?.strip_prefix('/')?.strip_suffix(".json.zst")?.parse().ok()
}

/// What was asked of a provider.
pub fn limits(source: Source) -> String {
    format!("{LIMITS}/{source}.json")
}

/// An answer of a unit that is not whole yet: the page of this number. `asking` tells one time of asking
/// for the unit from another.
pub fn page(unit: &Unit, asking: &str, number: usize) -> String {
    let id = short_hash(&format!("{unit} {asking}"));
    format!("{LIMITS}/{}/pages/{id}-{number:03}.zip", unit.source)
}

/// What a run has learnt that the plan of a source's key does not include, of a series.
pub fn refused(source: Source, run: &RunId, series: &str) -> String {
    format!("{LIMITS}/{source}/refused/{run}-{}.json", short_hash(series))
}

/// What was asked of the host that is asked for a market's tail.
pub fn limits_of_tail(source: Source, market: Market) -> String {
    format!("{LIMITS}/{source}-{market}.json")
}

/// The folder of what a source said of a market's instruments.
pub fn instruments(source: Source, market: Market) -> String {
    format!("{INSTRUMENTS}/source={source}/market={market}")
}

/// What it said on a day, as received.
pub fn instruments_of(source: Source, market: Market, day: Day) -> String {
    format!("{}/{day}.json.zst", instruments(source, market))
}

/// The day of a key of [`instruments_of`].
pub fn parse_instruments_of(key: &str) -> Option<Day> {
    key.strip_prefix(INSTRUMENTS)?.rsplit('/').next()?.strip_suffix(".json.zst")?.parse().ok()
}

/// Since when what holds, by all that it said.
pub fn known_instruments(source: Source, market: Market) -> String {
    format!("{}/known.json.zst", instruments(source, market))
}

/// The folder into which a person puts the files of a source that cannot be asked. The lake only reads
/// there.
pub fn drop(source: Source) -> String {
    format!("{DROP}/{source}")
}

/// The path of a data file inside its table: `symbol=BTCUSDT/date=2024-01-01/<name>`.
///
/// Values are percent-encoded as Hive and Delta do: this is the folder's name in the lake. What a
/// table's log says of it is a URL, in which each `%` is encoded once more.
pub fn data_file(partition: &[(&str, &str)], name: &str) -> String {
    let mut path = String::new();
    for (column, value) in partition {
        path.push_str(column);
        path.push('=');
        path.push_str(&percent::encode_ref(value));
        path.push('/');
    }
    path.push_str(name);
    path
}

/// The name of a data file: who it belongs to (a group, unit or partition), and from what it
/// was made. The same inputs give the same name; `owner` finds all files of one owner.
pub fn data_file_name(owner: &str, inputs: &str, part: u32) -> String {
    format!("{}-{}-{part:03}.parquet", short_hash(owner), short_hash(inputs))
}

/// The owner part of a data file's name.
pub fn owner_prefix(owner: &str) -> String {
    short_hash(owner) + "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_documented() {
        let unit: Unit = "binance/spot/klines/BTCUSDT/1h/2024-01".parse().expect("unit");
        assert_eq!(
            raw(&unit, "cabc", "BTCUSDT-1h-2024-01.zip"),
            "bronze/source=binance/market=spot/dataset=klines/symbol=BTCUSDT/timeframe=1h/\
             period=2024-01/cabc/BTCUSDT-1h-2024-01.zip"
        );
        assert_eq!(table(Table::AggTrades), "silver/agg_trades");
        assert_eq!(parse_index(&index(42)), Some(42));
        assert_eq!(parse_index("bronze/index/x.json.zst"), None);
        assert_eq!(limits(unit.source), "bronze/limits/binance.json");
        assert_eq!(drop(unit.source), "drop/binance");
        let run = RunId::new(DateTime::UNIX_EPOCH, 1);
        let asked =
            [page(&unit, "", 2), refused(unit.source, &run, "binance/spot/klines/BTCUSDT/1h")];
        assert!(asked.iter().all(|key| key.starts_with("bronze/limits/binance/")), "{asked:?}");
        assert!(asked[0].ends_with("-002.zip") && page(&unit, "x", 2) != asked[0], "{asked:?}");
        assert_eq!(
            data_file(&[("source", "binance"), ("date", "2024-01-01")], "f.parquet"),
            "source=binance/date=2024-01-01/f.parquet"
        );
        assert_eq!(
            data_file(&[("symbol", "币安人生USDT"), ("date", "2024-01-01")], "f.parquet"),
            "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT/date=2024-01-01/f.parquet"
        );
        let unit: Unit = "binance/usdm/trades/币USDT/2024-01-02".parse().expect("unit");
        assert_eq!(
            raw(&unit, "cabc", "币USDT-trades-2024-01-02.zip"),
            "bronze/source=binance/market=usdm/dataset=trades/symbol=%E5%B8%81USDT/\
             period=2024-01-02/cabc/%E5%B8%81USDT-trades-2024-01-02.zip"
        );
        let name = "币USDT-trades-2024-1-2.zip";
        assert_eq!(raw_name(&raw(&unit, "cabc", name)).as_deref(), Some(name));
        assert_eq!(raw_name("bronze/x/%E5%B8.zip"), None);
        assert!(data_file_name("g", "i", 1).starts_with(&owner_prefix("g")));
    }

    #[test]
    fn tails_are_told_by_their_names() {
        let unit: Unit = "binance/spot/klines/BTCUSDT/1m/2024-01-31".parse().expect("unit");
        let name = "BTCUSDT-1m-2024-01-31.zip";
        for until in [
            "2024-01-31T12:33:00Z",
            "2024-02-01T00:00:00Z",
            "2024-01-31T12:33:07Z",
            "2024-01-31T12:33:00.000001Z",
        ] {
            let until: DateTime<Utc> = until.parse().expect("time");
            let key = raw(&unit, "eabc", &tail_name(name, until));
            assert_eq!(tail_until(&key), Some(until), "{key}");
        }
        let until = "2024-01-31T12:33:00Z".parse().expect("time");
        assert_eq!(tail_name(name, until), "BTCUSDT-1m-2024-01-31.until-2024-01-31T1233Z.zip");
        let until = "2024-01-31T12:33:07.250Z".parse().expect("time");
        let fine = "BTCUSDT-1m-2024-01-31.until-2024-01-31T123307.250000Z.zip";
        assert_eq!(tail_name(name, until), fine);
        for name in [name, "BTCUSDT-1m.until-soon.zip", "until-2024-01-31T1233Z"] {
            assert_eq!(tail_until(&raw(&unit, "eabc", name)), None, "{name}");
        }
        assert_eq!(limits_of_tail(unit.source, unit.market), "bronze/limits/binance-spot.json");
    }

    #[test]
    fn no_name_in_a_key_is_too_long() {
        // the longest symbols that there are: of ASCII, and of three and four bytes a character
        for c in ["A", "币", "𠀀"] {
            let symbol = (2..=30)
                .rev()
                .find_map(|n| c.repeat(n).parse::<crate::Symbol>().ok())
                .expect("a symbol");
            let id = format!("binance/usdm/agg_trades/{symbol}/2024-01-02");
            let unit: Unit = id.parse().expect("unit");
            let name = format!("{symbol}-aggTrades-2024-01-02.zip");
            let file = data_file(&[("symbol", symbol.as_str())], &data_file_name(&id, "i", 0));
            for part in raw(&unit, "cabc", &name).split('/').chain(file.split('/')) {
                assert!(part.len() <= 255 && part.is_ascii(), "{part}");
            }
        }
    }

    #[test]
    fn versions_change_with_the_checksum_and_the_etag() {
        let sha = "4a6836ceae18ee150f54de0d8d33d60864b0f4c18457e025d56711e61dfdd343";
        let all = [
            raw_version(Some(sha), Some("\"x\""), 1),
            raw_version(Some(sha), Some("\"y\""), 1),
            raw_version(Some(sha), None, 1),
            raw_version(None, Some("\"x\""), 1),
            raw_version(None, None, 1),
        ];
        let mut unique = all.to_vec();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "{all:?}");
        assert_eq!(
            raw_version(Some(sha), Some("\"x\""), 1),
            raw_version(Some(sha), Some("\"x\""), 2)
        );
    }
}
