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
mod request;

pub use actions::{actions, daily_adjusted};
pub use answer::bars;
pub use company::{Overview, Quote, overview, quote};
pub use request::{
    Ask, Size, dividends_request, overview_request, quote_request, request, splits_request,
};

/// Where the API is.
pub const BASE: &str = "https://www.alphavantage.co";
