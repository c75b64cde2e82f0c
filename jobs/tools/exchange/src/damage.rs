//! What each data defect does to the rows of a file. Rows are lines of text with their line
//! end, so generated files and real ones are spoiled by the same code; memory stays bounded.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Write as _};

use model::period::DAY_MICROS;
use model::{Dataset, Day};

use crate::amount;
use crate::faults::{Fault, Rows, TimeUnit};
use crate::market::Market;
use crate::name::ArchiveName;

/// Where rows go.
type Sink<'a> = &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>;

/// Defects of a file, in a row.
pub(crate) struct Damage {
    stages: Vec<Stage>,
    columns: Columns,
}

/// Where a dataset has what.
#[derive(Debug, Clone, Copy)]
struct Columns {
    dataset: Dataset,
    times: &'static [usize],
    /// The last day covered.
    last: Day,
    /// Whether column 3 of a trade is price × quantity.
    has_quote: bool,
    /// Fields that a line of it has at least.
    least: usize,
}

impl Columns {
    fn of(name: &ArchiveName) -> Self {
        let times: &[usize] = match name.dataset {
            Dataset::Trades => &[4],
            Dataset::AggTrades => &[5],
            Dataset::Funding => &[0],
            Dataset::Quotes => &[5, 6],
            Dataset::Klines
            | Dataset::MarkKlines
            | Dataset::IndexKlines
            | Dataset::PremiumKlines => &[0, 6],
            // as text, which none of the defects of times is known of
            _ => &[],
        };
        let has_quote = name.dataset == Dataset::Trades && name.market != Market::Coinm;
        let least = if name.dataset == Dataset::Funding { 3 } else { 6 };
        Self { dataset: name.dataset, times, last: name.period.last(), has_quote, least }
    }

    /// The row's instant in µs, where it can be read.
    fn micros(self, row: &[u8]) -> Option<i64> {
        let field = row.split(|b| *b == b',').nth(*self.times.first()?)?;
        let value: i64 = std::str::from_utf8(field).ok()?.trim().parse().ok()?;
        Some(if field.len() >= 16 { value } else { value * 1_000 })
    }
}

/// A defect at work.
enum Stage {
    Edit {
        which: Rows,
        row: u64,
        edit: Edit,
    },
    Drop {
        which: Rows,
        row: u64,
    },
    DropDays(Vec<Day>),
    Until(i64),
    Keep {
        row: u64,
        keep: u64,
        mid_line: bool,
    },
    Copy {
        which: Rows,
        row: u64,
        later: u64,
        edit: Option<Edit>,
        waiting: VecDeque<(u64, Vec<u8>)>,
    },
    Delay {
        which: Rows,
        row: u64,
        by: u64,
        waiting: VecDeque<(u64, Vec<u8>)>,
    },
    Fuse {
        which: Rows,
        row: u64,
        held: Vec<u8>,
    },
    Insert {
        which: Rows,
        row: u64,
        line: Vec<u8>,
    },
    Interleave(Interleave),
}

/// A change of one row.
enum Edit {
    /// Another price, or for bars another volume.
    Price,
    /// Another quantity.
    Quantity,
    /// All times by so many milliseconds.
    Shift(i64),
    /// The last time earlier by so many milliseconds.
    Close(i64),
    /// The last column.
    Last(Vec<u8>),
    /// Times as `1.70027E+12`.
    Mangle,
    /// Times in a unit.
    Unit(TimeUnit),
    /// CR LF.
    Crlf,
}

impl Damage {
    /// The damage that `faults` do to a file of this name.
    pub(crate) fn new(name: &ArchiveName, faults: &[Fault]) -> Self {
        let columns = Columns::of(name);
        let stages = faults.iter().filter_map(|fault| Stage::of(fault, columns)).collect();
        Self { stages, columns }
    }

    /// Other quantities in every row, for the second CSV in a zip.
    pub(crate) fn other_quantities(mut self) -> Self {
        self.stages.push(Stage::Edit { which: Rows::every(1), row: 0, edit: Edit::Quantity });
        self
    }

    /// Whether rows pass as they are.
    pub(crate) const fn is_none(&self) -> bool {
        self.stages.is_empty()
    }

    /// Takes a piece of whole lines.
    pub(crate) fn feed(&mut self, lines: &[u8], out: Sink<'_>) -> io::Result<()> {
        for line in lines.split_inclusive(|b| *b == b'\n') {
            step(&mut self.stages, self.columns, line.to_vec(), out)?;
        }
        Ok(())
    }

    /// Hands on what is still held back.
    pub(crate) fn finish(mut self, out: Sink<'_>) -> io::Result<()> {
        for n in 0..self.stages.len() {
            let (stage, rest) = self.stages[n..].split_first_mut().expect("n is in range");
            stage.finish(&mut |row| step(rest, self.columns, row, out))?;
        }
        Ok(())
    }
}

/// Sends a row through the stages.
fn step(stages: &mut [Stage], columns: Columns, row: Vec<u8>, out: Sink<'_>) -> io::Result<()> {
    match stages.split_first_mut() {
        None => out(row),
        Some((stage, rest)) => stage.step(columns, row, &mut |row| step(rest, columns, row, out)),
    }
}

impl Stage {
    fn of(fault: &Fault, columns: Columns) -> Option<Self> {
        let edit = |which: &Rows, edit| Self::Edit { which: which.clone(), row: 0, edit };
        let bars = columns.dataset.has_timeframe();
        Some(match fault {
            Fault::Interleave { ways, run } => Self::Interleave(Interleave::new(*ways, *run)),
            Fault::OutOfOrder { which, by } => {
                Self::Delay { which: which.clone(), row: 0, by: *by, waiting: VecDeque::new() }
            }
            Fault::DuplicateRows { which, later } => Self::Copy {
                which: which.clone(),
                row: 0,
                later: *later,
                edit: None,
                waiting: VecDeque::new(),
            },
            Fault::ConflictingRows { which } => Self::Copy {
                which: which.clone(),
                row: 0,
                later: 0,
                edit: Some(Edit::Price),
                waiting: VecDeque::new(),
            },
            Fault::FusedRows { which } => {
                Self::Fuse { which: which.clone(), row: 0, held: Vec::new() }
            }
            Fault::MissingRows { which } => Self::Drop { which: which.clone(), row: 0 },
            Fault::MissingDays { days } => Self::DropDays(days.clone()),
            Fault::Truncated { keep, mid_line } => {
                Self::Keep { row: 0, keep: *keep, mid_line: *mid_line }
            }
            Fault::PartialDay { minutes } => {
                Self::Until(columns.last.start_micros() + i64::from(*minutes) * 60_000_000)
            }
            Fault::OffGrid { which, shift_ms } if bars => edit(which, Edit::Shift(*shift_ms)),
            Fault::EarlyClose { which, by_ms } if bars => edit(which, Edit::Close(*by_ms)),
            Fault::IgnoreColumn { value } if bars => {
                edit(&Rows::every(1), Edit::Last(value.clone().into_bytes()))
            }
            Fault::MangledTimes { which } => edit(which, Edit::Mangle),
            Fault::OutsidePeriod { which, days } => {
                edit(which, Edit::Shift(days * (DAY_MICROS / 1_000)))
            }
            Fault::Times(unit) => edit(&Rows::every(1), Edit::Unit(*unit)),
            Fault::Crlf => edit(&Rows::every(1), Edit::Crlf),
            Fault::GarbageLines { which, text } => Self::Insert {
                which: which.clone(),
                row: 0,
                line: format!("{text}\n").into_bytes(),
            },
            _ => return None,
        })
    }

    fn step(&mut self, columns: Columns, mut line: Vec<u8>, out: Sink<'_>) -> io::Result<()> {
        match self {
            Self::Edit { which, row, edit } => {
                *row += 1;
                if which.has(*row) {
                    edit.apply(columns, &mut line);
                }
                out(line)
            }
            Self::Drop { which, row } => {
                *row += 1;
                if which.has(*row) { Ok(()) } else { out(line) }
            }
            Self::DropDays(days) => {
                let day = columns.micros(&line).and_then(Day::of_micros);
                if day.is_some_and(|day| days.contains(&day)) { Ok(()) } else { out(line) }
            }
            Self::Until(end) => {
                if columns.micros(&line).is_some_and(|at| at >= *end) {
                    Ok(())
                } else {
                    out(line)
                }
            }
            Self::Keep { row, keep, mid_line } => {
                *row += 1;
                if *row <= *keep {
                    out(line)
                } else if *mid_line && *row == *keep + 1 {
                    line.truncate(line.len() / 2);
                    out(line)
                } else {
                    Ok(())
                }
            }
            Self::Copy { which, row, later, edit, waiting } => {
                *row += 1;
                if which.has(*row) {
                    let mut copy = line.clone();
                    if let Some(edit) = edit {
                        edit.apply(columns, &mut copy);
                    }
                    waiting.push_back((*row + *later, copy));
                }
                out(line)?;
                release(waiting, *row, out)
            }
            Self::Delay { which, row, by, waiting } => {
                *row += 1;
                if which.has(*row) {
                    waiting.push_back((*row + *by, line));
                } else {
                    out(line)?;
                }
                release(waiting, *row, out)
            }
            Self::Fuse { which, row, held } => {
                *row += 1;
                held.append(&mut line);
                if which.has(*row) {
                    while held.last().is_some_and(|b| *b == b'\n' || *b == b'\r') {
                        held.pop();
                    }
                    Ok(())
                } else {
                    out(std::mem::take(held))
                }
            }
            Self::Insert { which, row, line: text } => {
                *row += 1;
                if which.has(*row) {
                    out(text.clone())?;
                }
                out(line)
            }
            Self::Interleave(interleave) => interleave.take(&line),
        }
    }

    fn finish(&mut self, out: Sink<'_>) -> io::Result<()> {
        match self {
            Self::Copy { waiting, .. } | Self::Delay { waiting, .. } => {
                release(waiting, u64::MAX, out)
            }
            Self::Fuse { held, .. } if !held.is_empty() => {
                held.push(b'\n');
                out(std::mem::take(held))
            }
            Self::Interleave(interleave) => interleave.deal(out),
            _ => Ok(()),
        }
    }
}

/// Hands on the rows whose turn has come.
fn release(waiting: &mut VecDeque<(u64, Vec<u8>)>, row: u64, out: Sink<'_>) -> io::Result<()> {
    while waiting.front().is_some_and(|(turn, _)| *turn <= row) {
        if let Some((_, line)) = waiting.pop_front() {
            out(line)?;
        }
    }
    Ok(())
}

impl Edit {
    fn apply(&self, columns: Columns, line: &mut Vec<u8>) {
        if matches!(self, Self::Crlf) {
            if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
                line.truncate(line.len() - 1);
                line.extend_from_slice(b"\r\n");
            }
            return;
        }
        let text = String::from_utf8_lossy(line).into_owned();
        let body = text.trim_end_matches(['\n', '\r']);
        let end = text[body.len()..].to_owned();
        let mut fields: Vec<String> = body.split(',').map(str::to_owned).collect();
        if fields.len() < columns.least {
            return;
        }
        let bars = columns.dataset.has_timeframe();
        match self {
            Self::Price | Self::Quantity => {
                let column = match (self, columns.dataset) {
                    (_, Dataset::Klines) => 5,
                    (_, Dataset::MarkKlines | Dataset::IndexKlines | Dataset::PremiumKlines) => 4,
                    (_, Dataset::Funding | Dataset::Metrics) | (Self::Quantity, _) => 2,
                    _ => 1,
                };
                fields[column] = neighbour(&fields[column]);
                if columns.has_quote {
                    fields[3] = product(&fields[1], &fields[2], &fields[3]);
                }
            }
            Self::Shift(ms) => {
                for column in columns.times {
                    fields[*column] = moved(&fields[*column], *ms);
                }
            }
            Self::Close(ms) => {
                if let Some(column) = columns.times.last() {
                    fields[*column] = moved(&fields[*column], -ms);
                }
            }
            Self::Last(value) => {
                if let Some(last) = fields.last_mut() {
                    *last = String::from_utf8_lossy(value).into_owned();
                }
            }
            Self::Mangle => {
                for column in columns.times {
                    fields[*column] = spreadsheet(&fields[*column]);
                }
            }
            Self::Unit(unit) => {
                for (n, column) in columns.times.iter().enumerate() {
                    fields[*column] = in_unit(&fields[*column], *unit, bars && n == 1);
                }
            }
            Self::Crlf => {}
        }
        *line = (fields.join(",") + &end).into_bytes();
    }
}

/// Another amount of the same form: its last digit that is not zero differs by one.
fn neighbour(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(digit) = bytes.iter_mut().rev().find(|b| (b'1'..=b'9').contains(b)) {
        *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Price × quantity with as many decimals as `like` has; `like` where it cannot be computed.
fn product(price: &str, quantity: &str, like: &str) -> String {
    let places = like.split_once('.').map_or(0, |(_, part)| part.len()).min(8) as u8;
    let exact = amount::parse(price)
        .zip(amount::parse(quantity))
        .and_then(|(p, q)| p.checked_mul(q))
        .map(|units| units / i128::from(amount::ONE));
    exact.map_or_else(
        || like.to_owned(),
        |units| {
            let mut out = Vec::new();
            let keep = i128::from(amount::TENS[usize::from(8 - places)]);
            amount::push_fixed(&mut out, units / keep * keep, places);
            String::from_utf8_lossy(&out).into_owned()
        },
    )
}

fn moved(time: &str, ms: i64) -> String {
    let unit = if time.len() >= 16 { 1_000 } else { 1 };
    time.parse::<i64>().map_or_else(|_| time.to_owned(), |t| (t + ms * unit).to_string())
}

/// `1700270123456` as `1.70027E+12`: six digits, rounded, as a narrow column shows it.
fn spreadsheet(time: &str) -> String {
    let Ok(value) = time.parse::<u64>() else { return time.to_owned() };
    let digits = value.to_string().len();
    if digits < 7 {
        return time.to_owned();
    }
    let scale = 10_u64.pow(digits as u32 - 6);
    let short = ((value + scale / 2) / scale).to_string();
    let part = short[1..].trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    format!("{}{point}{part}E+{}", &short[..1], digits - 1)
}

fn in_unit(time: &str, unit: TimeUnit, end: bool) -> String {
    let Ok(value) = time.parse::<i64>() else { return time.to_owned() };
    let is_micros = time.len() >= 16;
    match unit {
        TimeUnit::Ms if is_micros => (value / 1_000).to_string(),
        TimeUnit::Us if !is_micros => (value * 1_000 + if end { 999 } else { 0 }).to_string(),
        _ => time.to_owned(),
    }
}

/// Deals the rows of equal parts in turn. The rows wait in a temporary file.
struct Interleave {
    ways: u64,
    run: u64,
    rows: u64,
    /// The file and the offset at which each run of rows starts.
    spool: Option<io::BufWriter<tempfile::NamedTempFile>>,
    offset: u64,
    starts: Vec<u64>,
}

impl Interleave {
    const fn new(ways: u64, run: u64) -> Self {
        Self { ways, run, rows: 0, spool: None, offset: 0, starts: Vec::new() }
    }

    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(io::BufWriter::new(tempfile::NamedTempFile::new()?)),
        };
        if self.rows.is_multiple_of(self.run) {
            self.starts.push(self.offset);
        }
        self.rows += 1;
        self.offset += line.len() as u64;
        spool.write_all(line)
    }

    fn deal(&mut self, out: Sink<'_>) -> io::Result<()> {
        use std::io::{Seek as _, SeekFrom};
        let Some(spool) = self.spool.take() else { return Ok(()) };
        let file = spool.into_inner().map_err(io::IntoInnerError::into_error)?;
        let share = self.starts.len().div_ceil(self.ways as usize);
        let mut parts = Vec::new();
        for runs in self.starts.chunks(share) {
            let mut reader = BufReader::new(file.reopen()?);
            reader.seek(SeekFrom::Start(runs[0]))?;
            parts.push((reader, runs.len() as u64 * self.run));
        }
        // the last run may be short
        let whole = self.starts.len() as u64 * self.run;
        if let Some((_, rows)) = parts.last_mut() {
            *rows -= whole - self.rows;
        }
        while parts.iter().any(|(_, rows)| *rows > 0) {
            for (reader, rows) in &mut parts {
                for _ in 0..self.run.min(*rows) {
                    let mut line = Vec::with_capacity(96);
                    reader.read_until(b'\n', &mut line)?;
                    *rows -= 1;
                    out(line)?;
                }
            }
        }
        Ok(())
    }
}
