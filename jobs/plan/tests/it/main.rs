//! plan as its callers see it, against the sample exchange and what it can be made to do.

mod asked;
mod gold;
mod hostile;
mod kit;
mod market;
mod recheck;
mod tail;
