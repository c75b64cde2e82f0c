//! The aggregate trades of a day: its first ones asked for by time, an hour at a time, and what comes
//! after them by their ids. A day is many pages, and what was told once stays: one that is asked for
//! again goes on where it ended.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Api, ROWS, instant, refuse, rows};
use crate::questions::{Inquiry, Page, Question};
use crate::rest::{Answer, Refusal, Unaskable, Why, as_field};

/// The API tells trades of less than an hour at once, in µs.
const HOUR: i64 = 3_600_000_000;

/// The aggregate trades of a day, earliest first.
pub(super) struct Trades {
    api: &'static Api,
    symbol: String,
    /// Trades from here on are not wanted, in µs since the epoch.
    until: i64,
    /// Up to which instant the pages that were taken tell the day, in µs since the epoch.
    told: i64,
    next: Next,
}

/// What is asked for next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The hour that begins where what is told ends: none before it has a trade.
    Hour,
    /// What comes from this id on.
    Id(i64),
}

/// A trade as the API has it.
#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow, rename = "a")]
    id: &'a RawValue,
    #[serde(borrow, rename = "p")]
    price: &'a RawValue,
    #[serde(borrow, rename = "q")]
    quantity: &'a RawValue,
    #[serde(borrow, rename = "f")]
    first: &'a RawValue,
    #[serde(borrow, rename = "l")]
    last: &'a RawValue,
    #[serde(borrow, rename = "T")]
    time: &'a RawValue,
    #[serde(borrow, rename = "m")]
    is_buyer_maker: &'a RawValue,
    /// Spot alone has it.
    #[serde(borrow, rename = "M")]
    is_best_match: Option<&'a RawValue>,
}

impl Trade<'_> {
    /// Adds it as the archives' lines have it: the fields as received.
    fn line(&self, lines: &mut String) {
        let Self { id, price, quantity, first, last, time, is_buyer_maker, is_best_match } = self;
        let fields = [id, price, quantity, first, last, time, is_buyer_maker];
        for (at, field) in fields.into_iter().chain(is_best_match).enumerate() {
            if at > 0 {
                lines.push(',');
            }
            lines.push_str(&as_field(field));
        }
        lines.push('\n');
    }
}

impl Trades {
    /// Those from `start` to before `until`, in µs since the epoch.
    pub(super) const fn of(api: &'static Api, symbol: String, start: i64, until: i64) -> Self {
        Self { api, symbol, until, told: start, next: Next::Hour }
    }

    /// Whether a trade may come next on a page, after one of the id `last`.
    fn fits(&self, last: Option<i64>, id: i64, time: i64) -> bool {
        let is_asked = match self.next {
            Next::Hour => (self.told..self.told + HOUR).contains(&time),
            Next::Id(from) => id >= from,
        };
        is_asked && last.is_none_or(|last| id > last)
    }
}

impl Inquiry for Trades {
    fn question(&self) -> Result<Option<Question>, Unaskable> {
        if self.told >= self.until {
            return Ok(None);
        }
        let (limit, Api { agg_trades, agg_trades_weight, .. }) = (ROWS.to_string(), self.api);
        let from = match self.next {
            Next::Id(from) => vec![("fromId", from.to_string())],
            // the whole hour, be it over or not: whoever goes on later asks for the same
            Next::Hour => vec![
                ("startTime", (self.told / 1_000).to_string()),
                ("endTime", ((self.told + HOUR) / 1_000 - 1).to_string()),
            ],
        };
        let mut parameters = vec![("symbol", self.symbol.as_str())];
        parameters.extend(from.iter().map(|(name, value)| (*name, value.as_str())));
        parameters.push(("limit", limit.as_str()));
        Ok(Some(self.api.question(agg_trades, &parameters, *agg_trades_weight)))
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<Page, Refusal> {
        let rows = rows(answer)?;
        let others =
            || refuse(Why::NotUnderstood, "a page whose trades are not those asked for, in order");
        let (mut page, mut last, mut after) = (Page::default(), None, 0_u32);
        for row in &rows {
            let Ok(trade) = serde_json::from_str::<Trade<'_>>(row.get()) else {
                // told as it stands there: no reader takes it for a row
                page.lines.push_str(&as_field(row));
                page.lines.push('\n');
                continue;
            };
            let place = trade.id.get().parse::<i64>().ok().zip(instant(trade.time));
            if let Some((id, time)) = place {
                if !self.fits(last.map(|(id, _)| id), id, time) {
                    return Err(others());
                }
                last = Some((id, time));
                if time >= self.until {
                    after += 1;
                    continue;
                }
            }
            trade.line(&mut page.lines);
        }
        if after > 0 {
            page.notes = format!("trades after the time up to which was asked, left out: {after}");
        }
        // a page that is not full is the last one of what was asked for
        let is_full = rows.len() >= ROWS;
        let told = match (self.next, last) {
            (_, None) if is_full => return Err(others()),
            (_, Some((_, time))) if is_full => self.told.max(time),
            (Next::Hour, _) => self.told + HOUR,
            (Next::Id(_), _) => self.until,
        };
        self.told = told.min(self.until);
        if let Some((id, _)) = last {
            self.next = Next::Id(id.saturating_add(1));
        }
        Ok(page)
    }

    fn grown_to(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.told)
    }
}

#[cfg(test)]
mod tests {
    use model::Unit;

    use super::*;
    use crate::binance::Binance;
    use crate::questions::{Questions as _, Received, lines};
    use crate::rest::Key;

    /// 2024-01-31, in ms since the epoch.
    const DAY: i64 = 1_706_659_200_000;

    fn unit(market: &str) -> Unit {
        let symbol = if market == "coinm" { "BTCUSD_PERP" } else { "BTCUSDT" };
        format!("binance/{market}/agg_trades/{symbol}/2024-01-31").parse().expect(market)
    }

    fn at(time: &str) -> DateTime<Utc> {
        format!("2024-01-31T{time}Z").parse().expect(time)
    }

    fn inquiry(market: &str, until: &str) -> Box<dyn Inquiry> {
        Binance.inquire(&unit(market), Some(at(until)), &Key::absent()).expect("askable")
    }

    /// A page of so many trades from an id on, one each `step` ms from `start`, ms after midnight.
    fn page(id: i64, count: i64, start: i64, step: i64) -> Received {
        let row = |n: i64| {
            let (id, time) = (id + n, DAY + start + n * step);
            format!(
                r#"{{"a":{id},"p":"42.10","q":"0.5","f":{id},"l":{id},"T":{time},"m":true,"nq":"0.4"}}"#
            )
        };
        let body = format!("[{}]", (0..count).map(row).collect::<Vec<_>>().join(","));
        Received { status: 200, content_type: None, body: body.into_bytes() }
    }

    fn query(inquiry: &dyn Inquiry) -> String {
        let question = inquiry.question().expect("askable");
        question.map_or_else(String::new, |q| format!("{}?{}", q.request.path(), q.request.query()))
    }

    fn grown(inquiry: &dyn Inquiry) -> String {
        let told = inquiry.grown_to().map(|told| told.format("%T%.3f").to_string());
        told.unwrap_or_default()
    }

    #[test]
    fn a_day_is_found_by_time_and_goes_on_by_id() {
        let mut trades = inquiry("usdm", "12:33:00");
        let first = "/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1706659200000&\
                     endTime=1706662799999&limit=1000";
        assert_eq!((query(&*trades).as_str(), grown(&*trades).as_str()), (first, "00:00:00.000"));
        let question = trades.question().expect("askable").expect("a question");
        assert_eq!((question.credits, question.request.headers().len()), (20, 0));
        let taken = trades.take(&page(7, 1_000, 0, 100).answer()).expect("a page");
        assert_eq!(taken.lines.lines().next(), Some("7,42.10,0.5,7,7,1706659200000,true"));
        assert_eq!(taken.lines.lines().count(), 1_000);
        assert_eq!(grown(&*trades), "00:01:39.900");
        assert_eq!(query(&*trades), "/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=1007&limit=1000");
        // ids may be missing, and a page that is not full is the last one
        let taken = trades.take(&page(1_010, 999, 99_950, 10).answer()).expect("a page");
        assert_eq!((taken.lines.lines().count(), taken.notes.as_str()), (999, ""));
        assert_eq!((query(&*trades).as_str(), grown(&*trades).as_str()), ("", "12:33:00.000"));
    }

    #[test]
    fn what_comes_later_is_left_out() {
        let mut trades = inquiry("usdm", "00:01:00");
        let taken = trades.take(&page(7, 1_000, 0, 100).answer()).expect("a page");
        assert_eq!(taken.lines.lines().count(), 600);
        assert_eq!(taken.notes, "trades after the time up to which was asked, left out: 400");
        assert_eq!((query(&*trades).as_str(), grown(&*trades).as_str()), ("", "00:01:00.000"));
    }

    #[test]
    fn an_hour_without_trades_is_followed_by_the_next() {
        let mut trades = inquiry("coinm", "02:30:00");
        assert!(query(&*trades).starts_with("/dapi/v1/aggTrades?symbol=BTCUSD_PERP&startTime="));
        trades.take(&page(0, 0, 0, 0).answer()).expect("no trade is an answer");
        assert_eq!(grown(&*trades), "01:00:00.000");
        assert!(query(&*trades).contains("startTime=1706662800000&endTime=1706666399999"));
        // a few in an hour that is over: the next ones follow them by id
        trades.take(&page(50, 3, 3_600_000, 1_000).answer()).expect("a page");
        assert_eq!(grown(&*trades), "02:00:00.000");
        assert!(query(&*trades).contains("fromId=53"));
        trades.take(&page(0, 0, 0, 0).answer()).expect("none since");
        assert_eq!((query(&*trades).as_str(), grown(&*trades).as_str()), ("", "02:30:00.000"));
        // in an hour that goes on there is nothing more to ask
        let mut trades = inquiry("coinm", "00:30:00");
        trades.take(&page(50, 3, 0, 1_000).answer()).expect("a page");
        assert_eq!(query(&*trades), "");
    }

    #[test]
    fn spot_tells_micros_and_best_matches() {
        let mut trades = inquiry("spot", "12:33:00");
        let question = trades.question().expect("askable").expect("a question");
        let headers = question.request.headers();
        assert_eq!((question.credits, headers[0].0), (4, "x-mbx-time-unit"));
        let body = r#"[{"a":1,"p":"42.1","q":"0.5","f":1,"l":2,"T":1706659200000123,"m":true,"M":true},
            {"a": 2}, 7]"#;
        let received = Received { status: 200, content_type: None, body: body.as_bytes().to_vec() };
        let taken = trades.take(&received.answer()).expect("a page");
        let expect = "1,42.1,0.5,1,2,1706659200000123,true,true\n{\"a\": 2}\n7\n";
        assert_eq!(taken.lines, expect);
    }

    #[test]
    fn pages_of_other_trades_are_refused() {
        let check = |taken: &[Received], other: Received| {
            let mut trades = inquiry("usdm", "12:33:00");
            for page in taken {
                trades.take(&page.answer()).expect("a page");
            }
            let before = query(&*trades);
            let refusal = trades.take(&other.answer()).expect_err("another page");
            assert_eq!(refusal.why, Why::NotUnderstood);
            assert_eq!(query(&*trades), before, "the question stays the same");
        };
        check(&[], page(1, 5, 3_600_000, 1));
        check(&[], page(1, 5, -1, 0));
        check(&[page(1, 1_000, 0, 1)], page(1, 1_000, 0, 1));
        check(&[page(1, 1_000, 0, 1)], page(1_000, 5, 2_000, 1));
        let twice = Received {
            body: page(1, 2, 0, 0)
                .body
                .iter()
                .map(|b| if *b == b'2' { b'1' } else { *b })
                .collect(),
            ..page(1, 2, 0, 0)
        };
        check(&[page(0, 0, 0, 0)], twice);
        // nothing to go on from
        let body = format!("[{}]", vec!["{}"; 1_000].join(","));
        check(&[], Received { body: body.into_bytes(), ..page(0, 0, 0, 0) });
    }

    #[test]
    fn what_was_kept_reads_back_up_to_where_it_was_grown() {
        let kept = [page(1, 1_000, 0, 10), page(1_001, 1_000, 10_000, 10)];
        let mut trades = inquiry("usdm", "12:33:00");
        for page in &kept {
            trades.take(&page.answer()).expect("a page");
        }
        let told = trades.grown_to();
        assert_eq!(told, Some(at("00:00:19.990")));
        // what was told in the last instant may go on in the next page
        let found = lines(&Binance, &unit("usdm"), told, &kept).expect("lines");
        assert_eq!(found.lines().count(), 1_999);
        let error = lines(&Binance, &unit("usdm"), Some(at("12:33:00")), &kept);
        assert!(error.is_err(), "there is more");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in r#"[\[{\]}"0-9,:afplqTmM. -]{0,80}"#) {
            let mut trades = inquiry("spot", "12:33:00");
            let received = Received { status: 200, content_type: None, body: text.into_bytes() };
            if let Ok(page) = trades.take(&received.answer()) {
                assert!(page.lines.is_empty() || page.lines.ends_with('\n'));
            }
        }
    }
}
