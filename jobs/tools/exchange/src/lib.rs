//! The sample exchange: a deterministic market that serves archives like the real ones over
//! HTTP, with faults on demand. The demo, the tests and the benchmarks download from it.
//!
//! | module | what lives there |
//! |---|---|
//! | [`trades`], [`bars`], [`derived`] | the market: trades of a day from a seed, and what follows from them |
//! | [`instrument`], [`amount`] | what a symbol is like; exact amounts in units of 1e-8 |
//! | [`market`], [`name`], [`csv`] | markets; the host's names, columns, headers, decimals and time units |
//! | [`archive`], [`catalog`] | zips; which there are and when they were published |
//! | [`faults`], `rules`, `damage` | the rules and their file; which apply now; what each data defect does to the rows |
//! | `listing`, `server`, `body` | S3's ListObjects, ranges, conditions, slow and cut answers |
//! | `state`, `vault`, [`log`] | options, rules and clock together; made zips; what was asked |
//! | [`exchange`], [`write`] | a running exchange; the same archives written to a folder |
//! | [`histdata`] | files of currencies that a person would have downloaded |
//! | [`rest`] | sample servers of providers that are asked over REST |
//! | [`told`] | whether anybody has told a key of those servers |
//!
//! ```
//! use exchange::{Exchange, Options, faults::{Fault, Rule}};
//! let exchange = Exchange::start(&Options::default())?;
//! let status = Fault::Status { code: 503, retry_after: Some(1) };
//! exchange.set_faults(vec![Rule::always("data/spot/**.zip", status).times_each(1)])?;
//! println!("{}/?prefix=data/spot/&delimiter=/", exchange.url());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It reads nothing but its options and, if asked to, a folder of real files. It must not know
//! the lake: no bronze, no silver, no tables. It is the second opinion on formats and layout,
//! so it builds names and rows itself and takes only the nouns from `model`.

pub mod amount;
pub mod archive;
pub mod bars;
mod body;
pub mod catalog;
pub mod csv;
mod damage;
#[cfg(test)]
mod damage_tests;
pub mod derived;
pub mod exchange;
pub mod faults;
pub mod histdata;
pub mod instrument;
mod listing;
pub mod log;
pub mod market;
pub mod name;
mod random;
pub mod rest;
mod rules;
mod running;
mod server;
mod state;
pub mod told;
pub mod trades;
#[cfg(test)]
mod trades_tests;
mod vault;
pub mod write;

pub use archive::zip_csv;
pub use catalog::Range;
pub use exchange::{Exchange, Handle};
pub use instrument::SymbolSpec;
pub use market::Market;
pub use name::ArchiveName;
pub use state::{Options, Sizes, StartError};
pub use trades::SampleMarket;
