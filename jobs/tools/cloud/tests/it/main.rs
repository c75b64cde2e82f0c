//! The program against AWS as it answers when it matters: late, in part, or not at all.

mod aws;
mod cli;
mod leftovers;
mod prove;
mod quotas;
mod runner;
mod stop;
