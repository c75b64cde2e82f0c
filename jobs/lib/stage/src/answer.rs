//! The answer of a job: what it writes to standard output.

use std::io::{self, Write};

use crate::Failure;

/// Writes a job's answer. A reader that has seen enough (`… | head`) is no failure.
///
/// # Errors
/// When standard output takes no more for another reason, such as a full disk.
pub fn answer(text: &str) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text)
}

fn write(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("cannot write to standard output").into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refuses(io::ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_is_whole_lines_and_a_reader_may_leave() {
        let mut out = Vec::new();
        assert!(write(&mut out, "a").is_ok() && write(&mut out, "b\n").is_ok());
        assert_eq!(out, b"a\nb\n");
        assert!(write(&mut Refuses(io::ErrorKind::BrokenPipe), "a").is_ok());
        assert!(write(&mut Refuses(io::ErrorKind::StorageFull), "a").is_err());
    }
}
