//! Cuts a stream of bytes into blocks of whole lines, in constant memory. A line of any length
//! passes: of one that is too long to be a row, only the start is kept.

use std::io::{self, Read};

use crate::parse::LONGEST;

/// Bytes of a block. The rows of one block and their columns stay in the core's cache.
pub(crate) const BLOCK: usize = 1 << 20;

/// A piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk<'a> {
    /// Whole lines; only the last of a stream may lack its end.
    Lines(&'a [u8]),
    /// The start of a line longer than [`LONGEST`]; the rest of it is passed over.
    LongLine(&'a [u8]),
}

/// The blocks of a stream.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where the bytes not yet handed out start and end.
    rest: std::ops::Range<usize>,
    /// Inside of a line whose start was handed out as [`Chunk::LongLine`].
    skipping: bool,
    at_end: bool,
}

impl<R: Read> Blocks<R> {
    /// The blocks of `reader`, of `size` bytes at most (and at least what a line needs).
    pub(crate) fn new(reader: R, size: usize) -> Self {
        // a line, its CRLF, and one byte more
        let size = size.max(LONGEST + 3);
        Self { reader, buffer: vec![0; size], rest: 0..0, skipping: false, at_end: false }
    }

    /// The stream, to ask how far it is.
    pub(crate) const fn reader(&self) -> &R {
        &self.reader
    }

    /// The next piece; `None` at the end of the stream.
    ///
    /// # Errors
    /// What the reader says.
    pub(crate) fn next(&mut self) -> io::Result<Option<Chunk<'_>>> {
        loop {
            self.fill()?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let bytes = &self.buffer[self.rest.clone()];
            let start = self.rest.start;
            if self.skipping {
                match memchr::memchr(b'\n', bytes) {
                    Some(end) => {
                        self.rest.start += end + 1;
                        self.skipping = false;
                    }
                    None => self.rest.start = self.rest.end,
                }
                continue;
            }
            let end = if self.at_end { Some(bytes.len()) } else { after_last_line(bytes) };
            if let Some(end) = end {
                self.rest.start += end;
                return Ok(Some(Chunk::Lines(&self.buffer[start..start + end])));
            }
            // the buffer is full and holds no line's end
            self.rest.start = self.rest.end;
            self.skipping = true;
            return Ok(Some(Chunk::LongLine(&self.buffer[start..start + LONGEST])));
        }
    }

    /// Fills the buffer to its end, so that blocks are cut at the same places however the
    /// reader cuts.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.rest.clone(), 0);
        self.rest = 0..self.rest.len();
        while !self.at_end && self.rest.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.rest.end..]) {
                Ok(0) => self.at_end = true,
                Ok(n) => self.rest.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn after_last_line(bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', bytes).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &[u8], size: usize) -> (Vec<u8>, usize) {
        let mut blocks = Blocks::new(text, size);
        let (mut all, mut long) = (Vec::new(), 0);
        while let Some(piece) = blocks.next().expect("memory") {
            match piece {
                Chunk::Lines(lines) => all.extend_from_slice(lines),
                Chunk::LongLine(start) => {
                    assert_eq!(start.len(), LONGEST);
                    long += 1;
                }
            }
        }
        (all, long)
    }

    #[test]
    fn whole_lines_in_their_order() {
        for text in ["", "\n", "a", "a\n", "a\r\nb", "\n\n\nx\n"] {
            assert_eq!(pieces(text.as_bytes(), 0), (text.as_bytes().to_vec(), 0));
        }
        let text: String = (0..5_000).map(|n| n.to_string() + ",1\n").collect();
        assert_eq!(pieces(text.as_bytes(), 0), (text.clone().into_bytes(), 0));
        assert_eq!(pieces(text.as_bytes(), BLOCK), (text.into_bytes(), 0));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let long = "x".repeat(100_000);
        let (lines, count) = pieces(format!("a\n{long}\nb\n{long}").as_bytes(), 0);
        // the last one is cut by the end of the stream inside of the skipped rest
        assert_eq!((lines, count), (b"a\nb\n".to_vec(), 2));
    }
}
