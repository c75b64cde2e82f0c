//! End-to-end tests: the whole lake on the sample exchange, with faults and kills.
//!
//! The tests lie in `tests/`; here is what they share. This crate may use every other one, and
//! none uses it.
//!
//! | module | what lives there |
//! |---|---|
//! | [`lab`] | a lake, its configuration, and the product's own programs to work on it |
//! | [`look`] | which data files a lake's tables hold, and what is in them |
//! | [`power`] | power cuts: what a disk holds of a lake at any moment of a run |
//! | [`world`] | small sample exchanges and the configurations that fit them |

pub mod lab;
pub mod look;
pub mod power;
pub mod world;
