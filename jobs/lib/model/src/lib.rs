//! The nouns of market-lake: datasets, schemas, keys, partition layout, units, plan, fragment,
//! run id and configuration. No I/O, no clock, no environment: every function here is pure.
//!
//! | module | what lives there |
//! |---|---|
//! | [`market`] | source, market, dataset, timeframe |
//! | [`symbol`] | the names of instruments |
//! | [`instrument`] | what instruments are and were, and how what a run tells of them is merged |
//! | [`decimal`] | exact decimals of a configuration |
//! | [`period`] | days, months and the spans of time that archives cover |
//! | [`unit`] | one archive: (source, market, dataset, symbol, timeframe, period) |
//! | [`checksum`] | what a checksum file states, whichever tool wrote it |
//! | [`etag`] | whether two ETags are the same |
//! | [`whole`] | whether a day of trades has all of its ids |
//! | [`schema`] | the tables: columns, keys, partitions, constraints |
//! | [`layout`] | where everything lies in the lake; the only place that builds or parses keys |
//! | [`plan`] | what a run will do |
//! | [`fragment`] | what a worker did |
//! | [`derivation`] | the gold tables: what each is made from |
//! | [`dirty`] | what gold has to make anew |
//! | [`tail`] | how a tail differs from the archive that replaces it |
//! | [`figures`] | what the fragments of a run amount to |
//! | [`verdict`] | what `check` made of a run, as far as others read it |
//! | [`remarks`] | what a person must know at the end of a run |
//! | [`ledger`] | what the lake holds, as `plan` reads it |
//! | [`owed`] | the bars that a run owes until they are committed |
//! | [`config`] | `lake.yaml` |
//! | [`run`] | run ids |
//! | [`exit`] | exit codes |
//! | [`bug`] | a panic as people read it |
//! | [`env`] | the registry of environment variables |
//! | [`progress`] | the lines by which a job tells how far it is |
//! | [`human`] | figures and messages as people read them |
//! | [`metrics`] | the figures that jobs report, and how they are shown |
//! | [`partition`] | which partitions of its table a series' rows lie in |
//! | [`percent`] | percent-encoding of names in paths |
//! | [`prices`] | what AWS asks, for estimates |
//! | [`question`] | named queries and their parameters |

pub mod bug;
pub mod checksum;
pub mod config;
pub mod decimal;
pub mod derivation;
pub mod dirty;
pub mod env;
pub mod etag;
pub mod exit;
pub mod figures;
pub mod fragment;
pub mod human;
pub mod instrument;
pub mod layout;
pub mod ledger;
pub mod market;
pub mod metrics;
pub mod owed;
pub mod partition;
pub mod percent;
pub mod period;
pub mod plan;
pub mod prices;
pub mod progress;
pub mod question;
pub mod remarks;
pub mod run;
pub mod schema;
pub mod symbol;
pub mod tail;
pub mod unit;
pub mod verdict;
pub mod whole;
pub mod words;

pub use market::{Dataset, Market, Source, Timeframe};
pub use period::{Cadence, Day, Month, Period};
pub use run::RunId;
pub use symbol::Symbol;
pub use unit::{RawArchive, Unit, UnitId};
