//! What providers that are asked over REST have in common: keys that nobody sees, requests,
//! refusals, bars as lines of CSV, symbols, time zones. What is particular to one of them lies in
//! its own folder; how an answer is fetched, and when one asks again, is the caller's.

mod actions;
mod bars;
mod body;
mod forms;
mod json;
mod key;
mod refusal;
mod request;
mod symbol;
mod time;

pub use actions::{Actions, Dividend, Split};
pub use bars::{Adjusted, Bars, Doubled, HEADER, Meta, Notes};
pub use body::Answer;
pub use forms::judge_bar;
pub use key::{BadKey, Key, Secret};
pub use refusal::{Again, Concerns, Refusal, Why};
pub use request::{Request, Unaskable};
pub use symbol::{BadSymbol, Kind, Pair, is_stock, of_provider, to_provider};
pub use time::{BadTime, TimeProblem};

pub(crate) use actions::{is, is_decimal, told};
pub(crate) use bars::{Table, finish};
pub(crate) use body::{Body, good, read};
pub(crate) use forms::bars as form_of_bars;
pub(crate) use json::{Object, as_field, items, text};
pub(crate) use request::KeyIn;
pub(crate) use symbol::expected_symbol;
pub(crate) use time::{midnight, zone};
