//! silver turns raw archives into exact, deduplicated, typed Parquet. It is the hot path.
//!
//! It reads a batch of a run's plan, bronze's fragments of that run (to learn where the bytes
//! of each unit lie) and raw objects. It writes data files of a silver table, of `silver.rejects`
//! and of `silver.restatements`, what it found of tails, and then one fragment for each group. It never touches a table's log, and
//! knows nothing of HTTP, of other stages, or of SQL.
//!
//! The way of a row:
//!
//! | module | what it does |
//! |---|---|
//! | `content`, `untranslated`, `zip` | raw object → the bytes of its lines, checked |
//! | `translated` | lines of another kind → those of a form, as the provider reads them |
//! | `lines` | bytes → blocks of whole lines, in constant memory |
//! | `parse` | block → rows and rejects, by the form that the provider gives (`source`); pure |
//! | `inorder` | rows in key order → partitions, straight away |
//! | `resort`, `sort`, `record` | rows in any order → sorted, spilled, merged, deduplicated |
//! | `settle`, `repeats` | which rows of one key stay; aggregates that repeat others |
//! | `sheet` | lines of what is told of companies → rows with texts, in memory: there are few |
//! | `partition`, `output`, `reject` | Parquet files of partitions and of rejects |
//! | `versions`, `differences`, `restate` | what an archive that came anew says otherwise than before |
//! | `group` | one group, from raw objects to staged files |
//! | `tails` | how what an API said of a day differs from the archive that replaces it |
//! | [`batch`] | the groups of a batch on several threads; publishing; fragments |
//! | [`file`] | single archives without a lake or a plan |
//!
//! A row is never lost: `read = silver + rejected + duplicate` is checked for every unit before
//! its group's fragment is written. The same raw bytes give the same Parquet bytes, whatever
//! the machine, the memory and the number of threads.

pub mod batch;
mod content;
mod days;
mod differences;
mod error;
pub mod file;
mod group;
mod inorder;
mod lines;
mod output;
mod parse;
mod partition;
mod publish;
mod record;
mod reject;
mod repeats;
mod resort;
mod restate;
mod settle;
mod sheet;
mod sort;
mod tails;
mod translated;
mod untranslated;
mod versions;
mod workers;
mod zip;

pub use batch::{Summary, run};
pub use error::SilverError;
