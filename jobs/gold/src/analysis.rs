//! A symbol's series of bars with its indicators, which several tables are made of.

use series::bars::Bars;
use series::beside::Beside;
use series::indicators::Indicators;

/// Bars of a timeframe and what is made of each.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) bars: Bars,
    pub(crate) indicators: Indicators,
    pub(crate) beside: Beside,
}
