//! Alpha Vantage (<https://www.alphavantage.co/documentation/>): how it is asked for bars, quotes,
//! companies, splits and dividends, and what its answers mean.
//!
//! - The key is a parameter of the query and nowhere else: [`Request::url`](crate::rest::Request::url)
//!   is secret, `told` is for people.
//! - Errors come with status 200 as objects with one field (`Information`, `Note`, `Error Message`),
//!   whatever format was asked for.
//! - A CSV tells neither symbol nor zone: they are those of the request. Stocks within the day are in
//!   New York's time, forex and crypto in UTC.
//! - A whole stretch within the day can be asked for stocks alone, by the month.
//! - Limits are counted by a day whose zone is not documented; New York's midnight comes after that
//!   of UTC and is taken.

mod actions;
mod answer;
mod company;
mod csv;
mod notice;
mod provider;
mod request;

use crate::limits::Limits;

pub use actions::{actions, daily_adjusted};
pub use answer::bars;
pub use company::{overview, quote};
pub use provider::{AlphaVantage, NAME};
pub use request::{
    Ask, Size, dividends_request, overview_request, quote_request, request, splits_request,
};

/// Where the API is.
pub const BASE: &str = "https://www.alphavantage.co";

/// What a free key allows: 25 requests a day. Bursts are refused from about 5 a second on; one a
/// second is polite.
pub const FREE: Limits = Limits {
    requests_per_second: Some(1),
    per_minute: None,
    per_day: Some(25),
    concurrency: 1,
    day_ends: notice::DAY,
};
