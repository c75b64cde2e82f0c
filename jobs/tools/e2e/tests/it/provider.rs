//! A provider that does not exist, all of it in this file, goes through the whole lake: what a plug must
//! say, and that nothing outside of it has to know more.
//!
//! Its host lists days as plain lines and serves each as a CSV of bars, without zip and checksum. Its
//! symbols have points, its shares are of a venue that closes, and its contracts say by a month when they
//! end. Of currencies it tells prices
//! alone: no volume, no number of trades, no end of a bar; and their lines are to be translated.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime};
use e2e::look;
use model::config::{Section, Series};
use model::plan::Remote;
use model::schema::{Issue, Issues, RejectReason, Table};
use model::{Dataset, Day, Market, Period, RunId, Source, Symbol, Unit};
use source::ask::{Ask, Request};
use source::calendar::Calendar;
use source::form::{Fault, Form, Kind, MadeOf, SameKey};
use source::offer::{Checksum, Listed, Offer, OfferError, Survey, unit};
use source::rows::{Row, Slots};
use source::translation::{Received, Translation};
use source::{Packing, Provider, Providers, Takes};
use stage::{Clock, Context, ManualClock, Meter};
use store::Lake;
use tokio::runtime::Runtime;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::stages;

/// Acme's bars of shares and currencies.
#[derive(Debug)]
struct Acme;

/// What the programs of the tests know.
pub(crate) const ACME: Providers = Providers::new(&[&Acme]);
const STOCKS: Market = Market::new("stocks");
const FX: Market = Market::new("fx");

/// A line: `open_time,close_time,open,high,low,close,shares,trades`.
static BARS: Form = Form {
    fields: &[
        ("open_time", Kind::Instant(0)),
        ("close_time", Kind::Instant(1)),
        ("open", Kind::Price(0)),
        ("high", Kind::Price(1)),
        ("low", Kind::Price(2)),
        ("close", Kind::Price(3)),
        ("shares", Kind::Amount(0)),
        ("trades", Kind::Long(2)),
    ],
    columns: &[
        MadeOf::Instant(0),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        MadeOf::Amount(0),
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Long(2),
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Instant(1),
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 3, prices: 4, amounts: 1, flags: 0 },
    time: 0,
    same_key: SameKey::First,
    repeats: None,
    // every line is read with care
    fast: |_, _, _| (0, 0),
    judge: |row: &Row, _, _| {
        let mut issues = Issues::default();
        if row.prices.iter().any(|price| *price <= 0) {
            issues.add(Issue::NonPositivePrice);
        }
        issues
    },
};

/// A line, as it is translated: `open_time,open,high,low,close`.
static PRICES: Form = Form {
    fields: &[
        ("open_time", Kind::Instant(0)),
        ("open", Kind::Price(0)),
        ("high", Kind::Price(1)),
        ("low", Kind::Price(2)),
        ("close", Kind::Price(3)),
    ],
    columns: &[
        MadeOf::Instant(0),
        MadeOf::Price(0),
        MadeOf::Price(1),
        MadeOf::Price(2),
        MadeOf::Price(3),
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Null,
        MadeOf::Valid,
        MadeOf::Issues,
        MadeOf::Raw,
    ],
    has: Slots { longs: 1, prices: 4, amounts: 0, flags: 0 },
    judge: |_, _, _| Issues::default(),
    ..BARS
};

/// The lines of currencies, `2024-01-02T00:07Z;open;high;low;close`.
#[derive(Debug)]
struct Currencies;

/// How their times are written.
const MINUTE: &str = "%Y-%m-%dT%H:%MZ";

impl Translation for Currencies {
    fn see(&mut self, _: &[u8]) {}

    fn translate(&mut self, line: &[u8], into: &mut Vec<u8>) {
        let made = std::str::from_utf8(line).ok().and_then(|line| line.split_once(';'));
        let made = made.and_then(|(time, prices)| {
            let time = NaiveDateTime::parse_from_str(time, MINUTE).ok()?.and_utc();
            Some(format!("{:016},{}", time.timestamp_micros(), prices.replace(';', ",")))
        });
        into.extend(made.as_deref().map_or(line, str::as_bytes));
        into.push(b'\n');
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// How they are told: in the words of the file.
static OF_CURRENCIES: Received = Received {
    line: |made| {
        let text = String::from_utf8_lossy(made);
        let line = text.split_once(',').and_then(|(micros, prices)| {
            let time = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some(format!("{};{}", time.format(MINUTE), prices.replace(',', ";")))
        });
        line.map_or_else(|| made.to_vec(), String::into_bytes)
    },
    fault: |line| Fault {
        reason: RejectReason::Unreadable,
        field: None,
        found: String::from_utf8_lossy(line).into_owned(),
        expected: Cow::Borrowed("2024-01-31T23:55Z;open;high;low;close"),
    },
};

impl Provider for Acme {
    fn name(&self) -> Source {
        Source::new("acme")
    }

    fn markets(&self) -> &'static [Market] {
        &[STOCKS, FX]
    }

    fn datasets(&self, _: Market) -> &'static [Dataset] {
        &[Dataset::Klines]
    }

    fn calendar(&self, market: Market) -> Calendar {
        if market == STOCKS { Calendar::Nyse } else { Calendar::Always }
    }

    fn takes(&self) -> Takes {
        Takes::Archives
    }

    fn expected_symbol(&self, _: Market, symbol: &Symbol) -> Option<Cow<'static, str>> {
        symbol.as_str().contains('_').then_some(Cow::Borrowed("a share such as BRK.B"))
    }

    fn expiry(&self, _: Market, symbol: &Symbol) -> Option<i64> {
        let day: Day = symbol.as_str().strip_prefix("END")?.parse().ok()?;
        Some(day.start_micros())
    }

    fn survey<'a>(&self, section: &'a Section, ask: &'a dyn Ask, _: usize) -> Box<dyn Survey + 'a> {
        Box::new(Listing { section, ask })
    }

    fn remote(&self, section: &Section, unit: &Unit, listed: &Listed) -> Remote {
        Remote {
            url: format!("{}/bars/{}", section.url(), self.file_name(unit)),
            odd_name: None,
            bytes: listed.bytes,
            etag: None,
            last_modified: None,
            checksum_url: None,
            checksum_modified: None,
            held: None,
            until: None,
        }
    }

    fn file_name(&self, unit: &Unit) -> String {
        let timeframe = unit.timeframe.map_or("", |timeframe| timeframe.as_str());
        format!("{}-{timeframe}-{}.csv", unit.symbol, unit.period)
    }

    fn unit_of(&self, _: Market, _: Dataset, _: &str) -> Option<Unit> {
        None
    }

    fn packing(&self, _: &Unit, _: &str) -> Packing {
        Packing::Plain(|start| {
            let is_time = start.first().is_some_and(u8::is_ascii_digit);
            (!is_time).then(|| "it does not begin with a time".to_owned())
        })
    }

    fn translation(
        &self,
        unit: &Unit,
        _: &str,
        _: Option<&str>,
    ) -> Result<Option<Box<dyn Translation>>, String> {
        Ok((unit.market == FX).then(|| Box::new(Currencies) as Box<dyn Translation>))
    }

    fn received(&self, _: &Unit) -> Option<&'static Received> {
        Some(&OF_CURRENCIES)
    }

    fn form(&self, unit: &Unit) -> Option<&'static Form> {
        let form = if unit.market == FX { &PRICES } else { &BARS };
        (unit.dataset == Dataset::Klines).then_some(form)
    }
}

/// Its list of days: lines such as `2024-01-02 1234`.
struct Listing<'a> {
    section: &'a Section,
    ask: &'a dyn Ask,
}

#[async_trait]
impl Survey for Listing<'_> {
    async fn offer(&self, series: &Series) -> Result<Offer, OfferError> {
        let url = format!("{}/list/{}", self.section.url(), series.symbol);
        let answer = self.ask.ask(&Request::get(&url, 1 << 20), &mut |_| Ok(())).await;
        let answer = answer.map_err(|source| OfferError::Unavailable {
            series: unit(series, Period::Day(series.from)).series(),
            source,
        })?;
        let mut offer = Offer::default();
        for line in String::from_utf8_lossy(&answer.body).lines() {
            let Some((day, bytes)) = line.split_once(' ') else { continue };
            let (Ok(day), Ok(bytes)) = (day.parse::<Day>(), bytes.parse()) else { continue };
            offer.first = Some(offer.first.map_or(day, |first| first.min(day)));
            if day < series.from || series.to < day {
                offer.later = Some(true);
                continue;
            }
            let checksum = Checksum::Absent;
            let listed = Listed {
                path: None,
                bytes: Some(bytes),
                etag: None,
                modified: None,
                checksum,
                until: None,
            };
            offer.archives.insert(Period::Day(day), listed);
        }
        Ok(offer)
    }
}

/// Two hours of a day.
fn bars(day: &str, price: u64) -> String {
    let start = day.parse::<Day>().expect(day).start_micros();
    let hour = 3_600_000_000;
    let bar = |n: i64| {
        let (open, close) = (start + n * hour, start + (n + 1) * hour - 1);
        format!("{open},{close},{price}.25,{price}.50,{price}.000001,{price}.12345678,1200,{n}\n")
    };
    bar(14) + &bar(15)
}

/// Bars of these minutes of a day, of a currency that rises by 0.00001 a minute.
fn minutes(day: &str, minutes: impl Iterator<Item = i64>) -> String {
    let start = day.parse::<Day>().expect(day).start_micros();
    let price = |units: i64| format!("{}.{:05}", units / 100_000, units % 100_000);
    let bar = |n: i64| {
        let open = 110_000 + n;
        let [open, high, low, close] = [open, open + 3, open - 2, open + 1].map(price);
        let time = DateTime::from_timestamp_micros(start + n * 60_000_000).expect("time");
        format!("{};{open};{high};{low};{close}\n", time.format(MINUTE))
    };
    minutes.map(bar).collect()
}

/// A series: its symbol, timeframe, days and their lines.
pub(crate) type Served<'a> = (&'a str, &'a str, Vec<(&'a str, String)>);

/// A host that lists and serves series.
pub(crate) async fn host(series: &[Served<'_>]) -> MockServer {
    let host = MockServer::start().await;
    for (symbol, timeframe, days) in series {
        let lines = days.iter().map(|(day, csv)| format!("{day} {}", csv.len()));
        let list = lines.collect::<Vec<_>>().join("\n");
        let bars = days
            .iter()
            .map(|(day, csv)| (format!("/bars/{symbol}-{timeframe}-{day}.csv"), csv.clone()));
        for (at, text) in [(format!("/list/{symbol}"), list)].into_iter().chain(bars) {
            let answer = ResponseTemplate::new(200).set_body_string(text);
            Mock::given(path(at)).respond_with(answer).mount(&host).await;
        }
    }
    host
}

/// Runs all stages on a new lake at an instant, with the made-up provider or with others.
pub(crate) async fn run(providers: Providers, yaml: &str, now: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let now = now.parse()?;
    let context = || {
        Ok(Context {
            lake: Lake::open(folder.path().to_str().context("path")?, None)?,
            config: Arc::new(providers.read("lake.yaml", yaml)?),
            config_sha256: model::unit::sha256_hex(yaml.as_bytes()),
            providers,
            run: RunId::new(now, 7),
            clock: Clock::Manual(ManualClock::at(now)),
            meter: Meter::new("provider", false),
        })
    };
    stages::run(context, async |_| Ok(())).await?;
    Ok(folder)
}

/// Fails where a lake's newest version of a table gives other lines.
pub(crate) fn check(
    runtime: &Runtime,
    lake: &Path,
    table: Table,
    sql: &str,
    expect: &[&str],
) -> Result<()> {
    let version = runtime.block_on(async {
        let lake = Lake::open(lake.to_str().context("path")?, None)?;
        table::Tables::open(&lake).version(table).await?.context("a version")
    })?;
    let found = look::lines_as_of(lake, table, version, sql)?;
    ensure!(found == expect, "{sql}: {found:#?}");
    Ok(())
}

#[test]
fn a_provider_in_one_file_goes_through_the_whole_lake() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shares = [
        ("2024-01-02", bars("2024-01-02", 362) + "1704211200000000,x,1,1,1,1,1,1\n"),
        ("2024-01-03", bars("2024-01-03", 365)),
    ];
    let currencies = [
        ("2024-01-02", minutes("2024-01-02", 0..1_440)),
        ("2024-01-03", minutes("2024-01-03", [0, 1, 7].into_iter()) + "2024-01-03T00:09Z;1;1;1\n"),
    ];
    let host = runtime
        .block_on(host(&[("BRK.B", "1h", shares.into()), ("EURUSD", "1m", currencies.into())]));
    let yaml = format!(
        "environment: lab\nsources:\n  acme:\n    url: {}\n    markets:\n      stocks:\n        \
         symbols: [BRK.B]\n        range: {{from: 2024-01-02, to: 2024-01-03}}\n        \
         datasets: {{klines: {{timeframes: [1h]}}}}\n      fx:\n        symbols: [EURUSD]\n        \
         range: {{from: 2024-01-02, to: 2024-01-03}}\n        \
         datasets: {{klines: {{timeframes: [1m]}}}}\n",
        host.uri()
    );
    let bad = ACME.read("lake.yaml", &yaml.replace("BRK.B", "BRK_B"));
    let error = bad.err().context("a bad symbol")?.to_string();
    ensure!(error.contains("expected a share such as BRK.B"), "{error}");

    let lake = runtime.block_on(run(ACME, &yaml, "2024-01-05T06:07:08Z"))?;
    let check =
        |table, sql: &str, expect: &[&str]| check(&runtime, lake.path(), table, sql, expect);
    check(
        Table::Klines,
        "SELECT source, market, symbol, date_part('day', open_time), low, close, volume, trade_count \
         FROM silver.klines WHERE market = 'stocks' ORDER BY open_time",
        &[
            "acme stocks BRK.B 2 362.00000100 362.12345678 1200.00000000 14",
            "acme stocks BRK.B 2 362.00000100 362.12345678 1200.00000000 15",
            "acme stocks BRK.B 3 365.00000100 365.12345678 1200.00000000 14",
            "acme stocks BRK.B 3 365.00000100 365.12345678 1200.00000000 15",
        ],
    )?;
    let reason = RejectReason::Unreadable.as_str();
    check(
        Table::Rejects,
        "SELECT reason, unit, line, field, raw_text FROM silver.rejects ORDER BY unit",
        &[
            &format!("{reason} acme/fx/klines/EURUSD/1m/2024-01-03 4  2024-01-03T00:09Z;1;1;1"),
            &format!(
                "{reason} acme/stocks/klines/BRK.B/1h/2024-01-02 3 close_time \
                 1704211200000000,x,1,1,1,1,1,1"
            ),
        ],
    )?;
    check(
        Table::Archives,
        "SELECT unit, status FROM bronze.archives ORDER BY unit",
        &[
            "acme/fx/klines/EURUSD/1m/2024-01-02 unverified",
            "acme/fx/klines/EURUSD/1m/2024-01-03 unverified",
            "acme/stocks/klines/BRK.B/1h/2024-01-02 unverified",
            "acme/stocks/klines/BRK.B/1h/2024-01-03 unverified",
        ],
    )?;
    check(
        Table::Daily,
        "SELECT date, open, close, volume, trade_count, made_from FROM gold.daily \
         WHERE market = 'stocks' ORDER BY date",
        &[
            "2024-01-02 362.25000000 362.12345678 2400.00000000 29 klines",
            "2024-01-03 365.25000000 365.12345678 2400.00000000 29 klines",
        ],
    )?;
    check(
        Table::Coverage,
        "SELECT market, date, status, rows, rows_rejected, missing FROM ops.coverage \
         ORDER BY market, date",
        &[
            "fx 2024-01-02 available 1440 0 0",
            "fx 2024-01-03 degraded 3 1 1437",
            "stocks 2024-01-02 degraded 2 1 5",
            "stocks 2024-01-03 available 2 0 5",
        ],
    )?;
    // what a source does not state is null all the way, and prices are bars without it
    check(
        Table::Klines,
        "SELECT count(*), count(volume), count(trade_count), count(close_time) FROM silver.klines \
         WHERE market = 'fx'",
        &["1443 0 0 0"],
    )?;
    check(
        Table::Bars,
        "SELECT date_part('day', open_time), timeframe, count(*), count(volume), \
         count(trade_count), count(vwap), bool_and(is_complete) \
         FROM gold.bars WHERE market = 'fx' GROUP BY 1, 2 ORDER BY 1, 3, 2",
        &[
            "2 1d 1 0 0 0 true",
            "2 4h 6 0 0 0 true",
            "2 1h 24 0 0 0 true",
            "2 15m 96 0 0 0 true",
            "2 5m 288 0 0 0 true",
            "2 1m 1440 0 0 0 true",
            "3 15m 1 0 0 0 false",
            "3 1d 1 0 0 0 false",
            "3 1h 1 0 0 0 false",
            "3 4h 1 0 0 0 false",
            "3 5m 2 0 0 0 false",
            "3 1m 3 0 0 0 false",
        ],
    )?;
    check(
        Table::Bars,
        "SELECT timeframe, open, high, low, close FROM gold.bars WHERE market = 'fx' AND \
         (timeframe = '4h' AND open_time = '2024-01-02T04:00:00Z' \
         OR timeframe = '5m' AND open_time >= '2024-01-03T00:00:00Z') ORDER BY open_time",
        &[
            "4h 1.10240000 1.10482000 1.10238000 1.10480000",
            "5m 1.10000000 1.10004000 1.09998000 1.10002000",
            "5m 1.10007000 1.10010000 1.10005000 1.10008000",
        ],
    )?;
    check(
        Table::Daily,
        "SELECT date, open, high, low, close, volume IS NULL, trade_count IS NULL, average_price, bars, \
         price_change, is_complete FROM gold.daily WHERE market = 'fx' ORDER BY date",
        &[
            "2024-01-02 1.10000000 1.11442000 1.09998000 1.11440000 true true 1.107205 1440  true",
            "2024-01-03 1.10000000 1.10010000 1.09998000 1.10008000 true true 1.1000366666666668 3 \
             -0.01432000 false",
        ],
    )?;
    Ok(())
}
