//! Tables on a directory lake: creation, replacement, races, statistics, pruning, time travel,
//! logs that were damaged.

#[cfg(test)]
mod damage;
#[cfg(test)]
mod evolution;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod vacuum;
#[cfg(test)]
mod writers;
