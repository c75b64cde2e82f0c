//! Lines of a raw object that become those of a form while they are read, in constant memory. They are
//! read twice: what a line means may depend on those that follow it.

use std::fs::File;
use std::io::{self, Read};
use std::mem;

use source::translation::Translation;

use crate::lines::{BLOCK, Blocks, Chunk};
use crate::parse::BOM;
use crate::untranslated::Untranslated;
use crate::zip::{Member, ZipFault};

/// Bytes that are read at most of the member beside the lines.
const BESIDE: u64 = 32 << 20;

/// Translated lines.
#[derive(Debug)]
pub(crate) struct Translated {
    blocks: Blocks<Untranslated>,
    translation: Box<dyn Translation>,
    /// Whether no line was translated so far.
    is_first: bool,
    /// Lines that are translated, and how much of them was read.
    ready: Vec<u8>,
    at: usize,
    /// Members of the zip that nobody reads.
    pub(crate) others: usize,
}

impl Translated {
    /// Reads the lines a first time; `lines` gives them from their start, `zip` is what they lie in.
    pub(crate) fn open(
        lines: impl Fn() -> Result<Untranslated, ZipFault>,
        zip: Option<&File>,
        mut translation: Box<dyn Translation>,
    ) -> Result<Self, ZipFault> {
        let mut blocks = Blocks::new(lines()?, BLOCK);
        let mut is_first = true;
        while let Some(chunk) = blocks.next()? {
            each(&chunk, &mut is_first, |line| translation.see(line));
        }
        let mut others = blocks.reader().others();
        if let Some(beside) = translation.beside() {
            let Some(zip) = zip else {
                let why = format!("`{beside}` is to be read beside the lines, which lie in no zip");
                return Err(ZipFault::Io(io::Error::other(why)));
            };
            // whoever packs the zip anew may leave it out
            if let Ok(member) = Member::open(zip.try_clone()?, &beside) {
                let mut bytes = Vec::new();
                member.take(BESIDE).read_to_end(&mut bytes)?;
                translation.take_beside(&bytes);
                others = others.saturating_sub(1);
            }
        }
        let blocks = Blocks::new(lines()?, BLOCK);
        Ok(Self { blocks, translation, is_first: true, ready: Vec::new(), at: 0, others })
    }

    /// Bytes of the raw object read so far, of the second time.
    pub(crate) fn taken(&self) -> u64 {
        self.blocks.reader().taken()
    }

    /// What a person should know of the lines, at their end.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.translation.notes()
    }
}

impl Read for Translated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            self.at = 0;
            self.ready.clear();
            let Some(chunk) = self.blocks.next()? else { return Ok(0) };
            let (translation, ready) = (&mut self.translation, &mut self.ready);
            each(&chunk, &mut self.is_first, |line| translation.translate(line, ready));
        }
        let n = buffer.len().min(self.ready.len() - self.at);
        buffer[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// The lines of a chunk, without their ends, and without what some programs put before the first of all.
fn each(chunk: &Chunk<'_>, is_first: &mut bool, mut take: impl FnMut(&[u8])) {
    let mut take = |line: &[u8]| {
        let is_first = mem::take(is_first);
        take(line.strip_prefix(BOM).filter(|_| is_first).unwrap_or(line));
    };
    match chunk {
        Chunk::Lines(lines) => {
            for line in lines.split_inclusive(|b| *b == b'\n') {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                take(line.strip_suffix(b"\r").unwrap_or(line));
            }
        }
        // one byte more than any row has, so that it stays too long
        Chunk::LongLine(start) => take(&[*start, b" "].concat()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use model::Unit;
    use source::Provider as _;
    use source::histdata::HistData;

    use super::*;
    use crate::parse::LONGEST;

    const NAME: &str = "HISTDATA_COM_ASCII_EURUSD_M12024.zip";
    const MEMBER: &str = "DAT_ASCII_EURUSD_M1_2024.csv";

    /// The lines of a unit, its notes, and the members that nobody reads.
    fn read(period: &str, members: &[(&str, &str)]) -> (String, Vec<String>, usize) {
        let mut zip = zip::ZipWriter::new(tempfile::tempfile().expect("file"));
        for (name, text) in members {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(*name, options).expect("a member");
            zip.write_all(text.as_bytes()).expect("write");
        }
        let mut file = zip.finish().expect("a zip");
        file.rewind().expect("rewind");
        let unit: Unit = format!("histdata/forex/klines/EURUSD/1m/{period}").parse().expect("unit");
        let translation = HistData.translation(&unit, NAME, Some(r#"[{"rule":"UTC-5"}]"#));
        let translation = translation.expect("a clock").expect("a translation");
        let names = [MEMBER.to_owned()];
        let lines = || Untranslated::zip(&file, &names);
        let mut lines = Translated::open(lines, Some(&file), translation).expect("a zip");
        let mut text = String::new();
        lines.read_to_string(&mut text).expect("lines");
        (text, lines.notes(), lines.others)
    }

    #[test]
    fn a_member_is_read_twice_and_in_blocks() {
        // more than a block, over both ends of a month
        let start = "2024-01-30T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("time");
        let stamps = (0..45_000).map(|n| start + chrono::TimeDelta::minutes(n));
        let lines: Vec<String> =
            stamps.map(|at| format!("{};1.1;1.1;1.1;1.1;0", at.format("%Y%m%d %H%M%S"))).collect();
        let long = "9".repeat(2 * LONGEST);
        let text = format!("{}\n{long}\n", lines.join("\n"));
        assert!(text.len() > BLOCK);
        let report = "Gap of 121s found between 20240110100001 and 20240110100302.\n";
        let beside = "DAT_ASCII_EURUSD_M1_2024.txt";
        let members = [(MEMBER, text.as_str()), (beside, report), ("odd.txt", "")];
        let mut count = 0;
        for (period, rows) in [("2024-01", 2_580), ("2024-02", 41_760), ("2024-03", 660)] {
            let (found, notes, others) = read(period, &members);
            assert_eq!(found.lines().count(), 45_001, "{period}");
            let own: Vec<&str> = found.lines().filter(|line| !line.is_empty()).collect();
            let long = own.iter().filter(|line| line.len() > LONGEST).count();
            assert_eq!(
                (own.len() - long, long),
                (rows, usize::from(period == "2024-03")),
                "{period}"
            );
            assert_eq!(others, 1);
            assert!(notes.iter().all(|note| !note.contains("report of gaps")), "{notes:?}");
            count += own.len();
        }
        assert_eq!(count, 45_001);
    }
}
