//! Commits of whole runs on a directory lake: what the tables say afterwards, repetition, kills,
//! two runs at once, late and corrected data, gold, maintenance, ten thousand fragments.

#![expect(clippy::print_stdout, reason = "figures are printed, not judged")]

#[cfg(test)]
mod gold;
#[cfg(test)]
mod instruments;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod maintain;
#[cfg(test)]
mod many;
#[cfg(test)]
mod order;
#[cfg(test)]
mod rebuild;
#[cfg(test)]
mod restated;
#[cfg(test)]
mod whole;
