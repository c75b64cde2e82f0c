//! Judges the lake: coverage, holes, and the reconciliation of bars with the exchange's own klines.
