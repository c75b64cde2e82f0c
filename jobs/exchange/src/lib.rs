//! The sample exchange.
pub mod amount;
pub mod bars;
pub mod csv;
pub mod instrument;
pub mod name;
mod random;
pub mod trades;
#[cfg(test)]
mod trades_tests;
