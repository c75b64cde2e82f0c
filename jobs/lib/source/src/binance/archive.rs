//! How Binance's public archive host names its archives.
//! Source: the host's own listing and README (`data/{spot|futures/um|futures/cm}/…`).
//! All kinds of klines share file names, so the full path is the key.

use model::{Cadence, Dataset, Period, Symbol, Timeframe, Unit, percent};

use super::{Market, NAME};

/// The folder of a market on the host.
pub const fn market_folder(market: Market) -> &'static str {
    match market {
        Market::Spot => "data/spot",
        Market::Usdm => "data/futures/um",
        Market::Coinm => "data/futures/cm",
    }
}

/// All that the host has archives of.
pub(super) const DATASETS: &[Dataset] = &[
    Dataset::Trades,
    Dataset::AggTrades,
    Dataset::Klines,
    Dataset::Funding,
    Dataset::Quotes,
    Dataset::Metrics,
    Dataset::MarkKlines,
    Dataset::IndexKlines,
    Dataset::PremiumKlines,
];

/// The host's word for one of [its datasets](DATASETS); others have no folder there.
pub const fn dataset_folder(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Trades => "trades",
        Dataset::AggTrades => "aggTrades",
        Dataset::Klines => "klines",
        Dataset::Funding => "fundingRate",
        Dataset::Quotes => "bookTicker",
        Dataset::Metrics => "metrics",
        Dataset::MarkKlines => "markPriceKlines",
        Dataset::IndexKlines => "indexPriceKlines",
        Dataset::PremiumKlines => "premiumIndexKlines",
        other => other.as_str(),
    }
}

/// The host's name of a symbol. An index is of a pair and not of a contract: `BTCUSD` for
/// `BTCUSD_PERP` and for `BTCUSD_250328`. See decision 0023.
fn host_symbol(dataset: Dataset, symbol: &Symbol) -> &str {
    let text = symbol.as_str();
    match (dataset, text.split_once('_')) {
        (Dataset::IndexKlines, Some((pair, _))) => pair,
        _ => text,
    }
}

/// The symbol that the host calls `name`: of a pair's contracts the perpetual one.
fn own_symbol(market: Market, dataset: Dataset, name: &str) -> Option<Symbol> {
    match (dataset, market) {
        (Dataset::IndexKlines, _) if name.contains('_') => None,
        (Dataset::IndexKlines, Market::Coinm) => format!("{name}_PERP").parse().ok(),
        _ => name.parse().ok(),
    }
}

/// The host's folder of a cadence.
const fn cadence_folder(cadence: Cadence) -> &'static str {
    match cadence {
        Cadence::Daily => "daily",
        Cadence::Monthly => "monthly",
    }
}

/// The folder in which a series of archives lies, with a trailing slash:
/// `data/spot/daily/klines/BTCUSDT/1m/`. It is the prefix to list.
pub fn series_prefix(
    market: model::Market,
    dataset: Dataset,
    symbol: &Symbol,
    timeframe: Option<Timeframe>,
    cadence: Cadence,
) -> String {
    let mut path = format!(
        "{}/{}/{}/{}/",
        Market::of(market).map_or("data", market_folder),
        cadence_folder(cadence),
        dataset_folder(dataset),
        host_symbol(dataset, symbol)
    );
    if let Some(timeframe) = timeframe {
        path.push_str(timeframe.as_str());
        path.push('/');
    }
    path
}

/// The ending of an archive's name.
pub const ENDING: &str = ".zip";

/// What the names of a series' archives begin with: `BTCUSDT-1m-`, `BTCUSDT-trades-`.
pub fn name_start(dataset: Dataset, symbol: &Symbol, timeframe: Option<Timeframe>) -> String {
    let kind = timeframe.map_or(dataset_folder(dataset), Timeframe::as_str);
    format!("{}-{kind}-", host_symbol(dataset, symbol))
}

/// The name of a unit's zip: `BTCUSDT-1m-2024-01-31.zip`, `BTCUSDT-trades-2024-01.zip`.
pub fn file_name(unit: &Unit) -> String {
    let start = name_start(unit.dataset, &unit.symbol, unit.timeframe);
    format!("{start}{}{ENDING}", unit.period)
}

/// The path of a unit's zip on the host, without a leading slash.
pub fn path(unit: &Unit) -> String {
    let cadence = Cadence::of(unit.period);
    series_prefix(unit.market, unit.dataset, &unit.symbol, unit.timeframe, cadence)
        + &file_name(unit)
}

/// A path on the host as it stands in a URL: each of its names percent-encoded.
pub fn url_path(path: &str) -> String {
    let names: Vec<_> = path.split('/').map(percent::encode_ref).collect();
    names.join("/")
}

/// Whether a name that is none of ours looks like data all the same.
pub fn looks_like_data(name: &str) -> bool {
    const ENDINGS: [&str; 11] =
        ["zip", "csv", "gz", "tgz", "tar", "bz2", "xz", "7z", "zst", "parquet", "json"];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDINGS.contains(&&*end.to_ascii_lowercase()))
}

/// The unit of a zip's path on the host; `None` for anything that is no archive of ours
/// (checksum files, datasets we do not read, `3d`, `1w` and `1mo` bars).
pub fn parse_path(path: &str) -> Option<Unit> {
    let market = *Market::ALL.iter().find(|m| {
        path.strip_prefix(market_folder(**m)).is_some_and(|rest| rest.starts_with('/'))
    })?;
    let rest = &path[market_folder(market).len() + 1..];
    let mut parts = rest.split('/');
    let cadence = match parts.next()? {
        "daily" => Cadence::Daily,
        "monthly" => Cadence::Monthly,
        _ => return None,
    };
    let word = parts.next()?;
    let dataset = *DATASETS.iter().find(|d| dataset_folder(**d) == word)?;
    let symbol = own_symbol(market, dataset, parts.next()?)?;
    let timeframe = if dataset.has_timeframe() { Some(parts.next()?.parse().ok()?) } else { None };
    let name = parts.next()?;
    if parts.next().is_some() {
        return None;
    }
    let start = name_start(dataset, &symbol, timeframe);
    let period: Period = name.strip_prefix(&start)?.strip_suffix(ENDING)?.parse().ok()?;
    (Cadence::of(period) == cadence).then_some(Unit {
        source: NAME,
        market: market.name(),
        dataset,
        symbol,
        timeframe,
        period,
    })
}

/// The unit of an archive's name, of which market and dataset are known: `BTCUSDT-trades-2024-01.zip`.
pub(super) fn parse_name(market: model::Market, dataset: Dataset, name: &str) -> Option<Unit> {
    let mut parts = name.splitn(3, '-');
    let symbol = own_symbol(Market::of(market)?, dataset, parts.next()?)?;
    let kind = parts.next()?;
    let timeframe = if dataset.has_timeframe() { Some(kind.parse().ok()?) } else { None };
    let period: Period = parts.next()?.strip_suffix(ENDING)?.parse().ok()?;
    let folder = series_prefix(market, dataset, &symbol, timeframe, Cadence::of(period));
    parse_path(&(folder + name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back() {
        let check = |id: &str, expect: &str| {
            let unit: Unit = id.parse().expect(id);
            assert_eq!(path(&unit), expect);
            assert_eq!(parse_path(expect), Some(unit));
        };
        check(
            "binance/spot/klines/BTCUSDT/1m/2017-08-17",
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-17.zip",
        );
        check(
            "binance/usdm/trades/BTCUSDT/2024-01",
            "data/futures/um/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-01.zip",
        );
        check(
            "binance/coinm/agg_trades/BTCUSD_PERP/2024-01-31",
            "data/futures/cm/daily/aggTrades/BTCUSD_PERP/BTCUSD_PERP-aggTrades-2024-01-31.zip",
        );
        check(
            "binance/usdm/mark_klines/BTCUSDT/1m/2024-01-31",
            "data/futures/um/daily/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-01-31.zip",
        );
        check(
            "binance/coinm/premium_klines/BTCUSD_PERP/1h/2024-01",
            "data/futures/cm/monthly/premiumIndexKlines/BTCUSD_PERP/1h/BTCUSD_PERP-1h-2024-01.zip",
        );
        check(
            "binance/coinm/index_klines/BTCUSD_PERP/1h/2024-01",
            "data/futures/cm/monthly/indexPriceKlines/BTCUSD/1h/BTCUSD-1h-2024-01.zip",
        );
        check(
            "binance/usdm/index_klines/BTCUSDT/1h/2024-01",
            "data/futures/um/monthly/indexPriceKlines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip",
        );
        check(
            "binance/usdm/funding/BTCUSDT/2024-01",
            "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-01.zip",
        );
        check(
            "binance/usdm/quotes/BTCUSDT/2024-01-31",
            "data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-01-31.zip",
        );
        check(
            "binance/coinm/metrics/BTCUSD_PERP/2024-01-31",
            "data/futures/cm/daily/metrics/BTCUSD_PERP/BTCUSD_PERP-metrics-2024-01-31.zip",
        );
        // a dated contract has the index of its pair
        let dated: Unit =
            "binance/coinm/index_klines/BTCUSD_250328/1m/2025-01-31".parse().expect("unit");
        assert_eq!(
            path(&dated),
            "data/futures/cm/daily/indexPriceKlines/BTCUSD/1m/BTCUSD-1m-2025-01-31.zip"
        );
    }

    #[test]
    fn names_read_back_where_the_dataset_is_known() {
        let check = |dataset: Dataset, name: &str, expect: Option<&str>| {
            let unit = parse_name(Market::Coinm.name(), dataset, name);
            assert_eq!(unit.map(|unit| unit.to_string()).as_deref(), expect);
        };
        let name = "BTCUSD_PERP-1h-2024-01.zip";
        check(Dataset::Klines, name, Some("binance/coinm/klines/BTCUSD_PERP/1h/2024-01"));
        check(Dataset::MarkKlines, name, Some("binance/coinm/mark_klines/BTCUSD_PERP/1h/2024-01"));
        check(Dataset::IndexKlines, name, None);
        let name = "BTCUSD-1h-2024-01.zip";
        check(
            Dataset::IndexKlines,
            name,
            Some("binance/coinm/index_klines/BTCUSD_PERP/1h/2024-01"),
        );
    }

    #[test]
    fn what_is_no_archive_is_passed_over() {
        for text in [
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-17.zip.CHECKSUM",
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08.zip",
            "data/spot/daily/klines/BTCUSDT/1mo/BTCUSDT-1mo-2017-08-17.zip",
            "data/futures/um/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2017-08-17.zip",
            "data/futures/cm/daily/indexPriceKlines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2017-08-17.zip",
            "data/option/daily/trades/BTCUSDT/BTCUSDT-trades-2017-08-17.zip",
            "data/spot",
            "",
        ] {
            assert_eq!(parse_path(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in r"(data/)?[a-zA-Z0-9/.-]{0,80}|\PC{0,40}") {
            if let Some(unit) = parse_path(&path) {
                proptest::prop_assert_eq!(super::path(&unit), &path[..]);
            }
            let _ = looks_like_data(&path);
        }
    }
}
