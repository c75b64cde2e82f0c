//! The exchange from outside: over HTTP, as a program, against real files. One binary, so that
//! it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;
mod faults;
mod http;
mod program;
mod real;
mod rest;
