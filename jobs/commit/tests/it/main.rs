//! Commits of whole runs on a directory lake: what the tables say afterwards, repetition, kills,
//! two runs at once, late and corrected data, gold, maintenance, ten thousand fragments.

mod gold;
mod kills;
mod kit;
mod maintain;
mod many;
mod order;
mod whole;
