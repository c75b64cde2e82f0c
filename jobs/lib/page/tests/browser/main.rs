//! The page in a real browser: what a reader does, by mouse and by keys. One binary, so that it is linked once.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod kit;
#[path = "../../examples/sample/made_up/mod.rs"]
mod made_up;
mod reads;
mod shows;
