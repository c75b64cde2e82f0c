//! Lines of a zip's member that become those of a form while they are read, in constant memory. The member
//! is read twice: what a line means may depend on those that follow it.

use std::fs::File;
use std::io::{self, Read};

use source::translation::Translation;

use crate::lines::{BLOCK, Blocks, Chunk};
use crate::zip::{Member, ZipFault};

/// Bytes that are read at most of the member beside the lines.
const BESIDE: u64 = 32 << 20;

/// Translated lines.
#[derive(Debug)]
pub(crate) struct Translated {
    blocks: Blocks<Member>,
    translation: Box<dyn Translation>,
    /// Lines that are translated, and how much of them was read.
    ready: Vec<u8>,
    at: usize,
    /// Members of the zip that nobody reads.
    pub(crate) others: usize,
}

impl Translated {
    /// Reads the member `name` a first time.
    pub(crate) fn open(
        file: File,
        name: &str,
        mut translation: Box<dyn Translation>,
    ) -> Result<Self, ZipFault> {
        let mut blocks = Blocks::new(Member::open(file.try_clone()?, name)?, BLOCK);
        while let Some(chunk) = blocks.next()? {
            each(&chunk, |line| translation.see(line));
        }
        let mut others = blocks.reader().others;
        if let Some(beside) = translation.beside()
            // whoever packs the zip anew may leave it out
            && let Ok(member) = Member::open(file.try_clone()?, &beside)
        {
            let mut bytes = Vec::new();
            member.take(BESIDE).read_to_end(&mut bytes)?;
            translation.take_beside(&bytes);
            others = others.saturating_sub(1);
        }
        let blocks = Blocks::new(Member::open(file, name)?, BLOCK);
        Ok(Self { blocks, translation, ready: Vec::new(), at: 0, others })
    }

    /// Bytes of the zip read so far, of the second time.
    pub(crate) fn taken(&self) -> u64 {
        self.blocks.reader().compressed_read()
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
            each(&chunk, |line| translation.translate(line, ready));
        }
        let n = buffer.len().min(self.ready.len() - self.at);
        buffer[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// The lines of a chunk, without their ends.
fn each(chunk: &Chunk<'_>, mut take: impl FnMut(&[u8])) {
    match chunk {
        Chunk::Lines(lines) => {
            for line in lines.split_inclusive(|b| *b == b'\n') {
                take(line.strip_suffix(b"\n").unwrap_or(line));
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
        let mut lines = Translated::open(file, MEMBER, translation).expect("a zip");
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
