//! Object storage (`file://` and `s3://`), staging, JSON documents and Parquet files.
//!
//! A [`Lake`] is opened from a URI, so that a laptop, a test and the cloud share one path.
//! This crate knows nothing of units of work, of what a table's log means or of SQL.
//!
//! | module | what lives there |
//! |---|---|
//! | [`lake`] | opening a lake; reading, writing and listing objects |
//! | [`staged`] | large objects: written beside the lake, then published whole |
//! | [`disk`] | how files come onto a disk: nothing acknowledged is lost by a power cut |
//! | `directory` | a directory as an object store over it, which deletes nothing behind a link |
//! | `blocking` | work that may block |
//! | [`document`] | JSON documents: plans, fragments, ledger extracts |
//! | [`logs`] | whether the logs of tables are whole, and the heads by which it is seen |
//! | `once` | a store over either, in which the checkpoint that came first stays |
//! | `sizes` | the sizes of some archives of the ledger, read as a stream |
//! | `swap` | replacing an object only as long as it is what was read |
//! | [`sum`] | what stands for an object's bytes |
//! | [`schema`] | the Arrow form of the model's schemas |
//! | [`parquet`] | Parquet files: the only place that writes them |

mod blocking;
mod directory;
pub mod disk;
pub mod document;
pub mod lake;
pub mod logs;
mod once;
pub mod parquet;
pub mod schema;
mod sizes;
pub mod staged;
pub mod sum;
mod swap;

pub use blocking::blocking;
pub use lake::{Entry, Lake, StoreError};
pub use staged::{LocalCopy, Staged};
