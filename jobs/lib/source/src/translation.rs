//! Lines that are not those of a form, such as bars by a local clock: how they become such. All lines of a
//! file are seen once before the first is translated, for what one of them means may depend on all of
//! them.
//!
//! The outcome has a line for each line received, in the same place: so a reject's number is that of
//! the line as received.

use std::fmt;

use crate::form::Fault;

/// Turns the lines of a file into those of one unit's form, in two passes over all of them. The file may
/// be of several units.
pub trait Translation: fmt::Debug + Send {
    /// Takes note of the next line of the first pass, without its end.
    fn see(&mut self, line: &[u8]);

    /// The name of another member of the zip that is read for what it tells of the lines, after the first
    /// pass.
    fn beside(&self) -> Option<String> {
        None
    }

    /// Takes that member.
    fn take_beside(&mut self, _bytes: &[u8]) {}

    /// Adds what becomes of the next line of the second pass, ended by LF: a line of the form; nothing
    /// but the end, where it is another unit's; the line as received, where it is no row and this
    /// unit is the one to tell it.
    fn translate(&mut self, line: &[u8], into: &mut Vec<u8>);

    /// After the second pass: what a person should know of the unit's lines, in words.
    fn notes(&self) -> Vec<String>;
}

/// How lines that were translated are told: in the words of the file.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// A line as received, given what the translation made of it.
    pub line: fn(&[u8]) -> Vec<u8>,
    /// What is wrong with a line as received of which no row was made.
    pub fault: fn(&[u8]) -> Fault,
}
