//! Tests of silver from outside: batches with their fragments, and real files.

mod batch;
mod common;
mod real;
