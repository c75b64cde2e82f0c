//! Tests of silver from outside: batches with their fragments, and real files. One binary, so
//! that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod batch;
mod common;
mod dropped;
mod plain;
mod real;
mod restated;
mod tails;
