//! bronze against a small server of its own, and against the sample exchange.

mod market;
mod refusals;
mod repeat;
mod source;
mod support;
