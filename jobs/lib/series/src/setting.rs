//! Settings that make no sense: what is told of them.

use std::fmt::Display;

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("bad {key} '{found}', expected {expected}")]
pub struct BadSetting {
    /// The setting, with what it lies in, such as `bad_print.times`.
    pub key: &'static str,
    /// What it is.
    pub found: String,
    /// What it has to be.
    pub expected: &'static str,
}

/// Refuses a setting unless it holds.
pub(crate) fn expect(
    holds: bool,
    key: &'static str,
    found: &dyn Display,
    expected: &'static str,
) -> Result<(), BadSetting> {
    if holds { Ok(()) } else { Err(BadSetting { key, found: found.to_string(), expected }) }
}

/// Whether it is a number above zero, and no infinity.
pub(crate) fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
