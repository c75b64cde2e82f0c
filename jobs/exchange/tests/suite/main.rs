//! The exchange from outside: over HTTP, as a program, against real files. One binary, so that
//! it is linked once.

mod common;
mod faults;
mod http;
mod program;
mod real;
