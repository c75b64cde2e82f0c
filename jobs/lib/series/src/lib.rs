//! What follows from a series of bars: indicators, anomalies, signals, features and labels.
//!
//! Pure: bars in, columns out, nothing of the lake. Every value of a bar rests on that bar and on those
//! before it; only labels look ahead. The same bars give the same bits on every machine: sums of prices and
//! volumes are exact, and the functions that a machine's own library rounds otherwise come from `libm`.
//!
//! | module | what lives there |
//! |---|---|
//! | [`bars`] | the series itself |
//! | [`indicators`] | averages, oscillators, bands, volatilities: [`indicators::indicators`] |

pub mod bars;
pub mod indicators;
