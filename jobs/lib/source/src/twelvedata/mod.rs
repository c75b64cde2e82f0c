//! Twelve Data (<https://twelvedata.com/docs>): how it is asked for bars, splits and dividends, and
//! what its answers mean.
//!
//! - The key goes into a header. A request costs a credit a symbol; a plan has credits a minute and
//!   a day, which ends at midnight UTC.
//! - An answer has at most 5000 rows and no cursor: see [`next_window`].
//! - Errors are objects `{code, message, status: "error"}`, with any status of HTTP, also 200.
//! - Times of bars within the day are asked for in UTC. Bars of a day are named by a date of the
//!   exchange, and the API ignores `timezone` for them.

mod actions;
mod answer;
mod provider;
mod request;

use chrono_tz::Tz;

use crate::limits::Limits;

pub use actions::{actions, dividends_request, splits_request};
pub use answer::{Batch, bars, batch};
pub use provider::{NAME, TwelveData};
pub use request::{Ask, MOST_ROWS, Order, Stuck, Times, Window, next_window, request};

/// Where the API is.
pub const BASE: &str = "https://api.twelvedata.com";

/// The header that tells how many credits of the minute are used.
pub const CREDITS_USED: &str = "api-credits-used";

/// The header that tells how many credits of the minute are left.
pub const CREDITS_LEFT: &str = "api-credits-left";

/// What the free plan allows: 8 credits a minute, 800 a day.
pub const FREE: Limits = Limits {
    requests_per_second: None,
    per_minute: Some(8),
    per_day: Some(800),
    concurrency: 2,
    day_ends: Tz::UTC,
};
