//! Where market data comes from. All that is particular to a provider lies in its folder: what can
//! be listed and how, how a unit is asked for, what its answers and errors look like, how its bytes
//! become rows, its symbols, its time zone, its defects.
//!
//! Nothing here reads, writes, sleeps or knows the time: plan and bronze ask, and hand over the
//! answers.

pub mod calendar;
