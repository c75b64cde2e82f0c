//! Tables on a directory lake: creation, replacement, races, statistics, pruning, time travel.

mod kit;
mod readers;
mod writers;
