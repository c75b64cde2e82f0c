//! What follows from a series of bars: indicators, anomalies, signals, features and labels.
//!
//! Pure: bars in, columns out, nothing of the lake. Every value of a bar rests on that bar and on those
//! before it; only labels look ahead. The same bars give the same bits on every machine: sums of prices and
//! volumes are exact, and the functions that a machine's own library rounds otherwise come from `libm`.
//!
//! | module | what lives there |
//! |---|---|
//! | [`bars`] | the series itself |
//! | [`beside`] | what stands beside it: funding rates, price by earnings, quotes |
//! | [`indicators`] | averages, oscillators, bands, volatilities: [`indicators::indicators`] |
//! | [`anomalies`] | bars that stand out, and why |
//! | [`signals`] | moments at which an indicator says something |
//! | [`stats`] | trailing windows that know their median |
//! | [`features`] | what models may know of a bar |
//! | [`labels`] | what came after it |
//! | [`setting`] | settings that make no sense |

pub mod anomalies;
pub mod bars;
pub mod beside;
pub mod features;
pub mod indicators;
pub mod labels;
pub mod setting;
pub mod signals;
pub mod stats;

#[cfg(test)]
mod leak_tests;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod testing;
