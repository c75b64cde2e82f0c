//! gold over a lake in a temporary folder.

mod bars;
mod derive;
mod lab;
