//! Tests of the providers against real files. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod histdata;
