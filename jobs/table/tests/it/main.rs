//! Tables on a directory lake: creation, replacement, races, statistics, pruning, time travel.

#[cfg(test)]
mod evolution;
mod damage;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod writers;
