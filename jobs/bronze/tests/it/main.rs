//! bronze against a small server of its own, and against the sample exchange.

mod asked;
mod companies;
mod grown;
mod market;
mod refusals;
mod repeat;
mod source;
mod stress;
mod support;
mod tail;
