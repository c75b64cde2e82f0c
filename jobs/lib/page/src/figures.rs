//! What a page shows: plain structs, filled by whoever reads the lake. Times are µs since the epoch, UTC;
//! prices and volumes are whole numbers of the smallest unit.

/// All that a page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The environment's name, such as `demo`.
    pub environment: String,
    /// Version of the programs that made it.
    pub version: String,
    /// When it was made.
    pub made_at: i64,
    /// The run after which it was made; none in a lake without runs.
    pub run: Option<String>,
    /// What the first sentence says.
    pub verdict: Verdict,
    /// What became of every row that was read.
    pub accounting: Accounting,
    /// In the order in which they are offered; the first is shown first.
    pub instruments: Vec<Instrument>,
    /// What each day has become.
    pub coverage: Coverage,
    /// Results of the last checks, with those of former runs.
    pub checks: Vec<Check>,
    /// Lines that silver could not take, by reason.
    pub rejects: Vec<Reject>,
    /// Runs, the youngest first.
    pub runs: Vec<Run>,
    /// What certifies this state of the lake; none where nothing does.
    pub certificate: Option<Certificate>,
}

/// The parts of the first sentence. A day counts once for each series: symbol, dataset and timeframe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Days that should be there by now: whole, partial, degraded, missing and corrupt ones.
    pub due: u64,
    /// Days that are there and whole.
    pub whole: u64,
    /// Days that are known from the source's API alone, their archive is not there yet.
    pub partial: u64,
    /// Days that are there and lack something.
    pub degraded: u64,
    /// Days that the source has not.
    pub missing: u64,
    /// Days that were fetched and are of no use.
    pub corrupt: u64,
    /// Series that are counted.
    pub series: u64,
    /// Symbols that they belong to.
    pub symbols: u64,
    /// Checks that fail.
    pub failed: u64,
    /// Checks that warn.
    pub warned: u64,
}

/// What became of every row that was read: `read = silver + rejected + duplicate`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Data lines read.
    pub read: u64,
    /// Rows in silver.
    pub silver: u64,
    /// Lines that are no rows, kept with their text.
    pub rejected: u64,
    /// Rows that were there already.
    pub duplicate: u64,
    /// Archives they came from.
    pub archives: u64,
    /// Bytes of those archives.
    pub bytes: u64,
}

/// A symbol of a market, with its bars and what was found in them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instrument {
    /// As the source writes it, such as `BTCUSDT`. A market has each once.
    pub symbol: String,
    /// The market, such as `spot`.
    pub market: String,
    /// What prices are in, such as `USDT`.
    pub quote: String,
    /// What volumes are in, such as `BTC` or `shares`.
    pub unit: String,
    /// Decimal digits of its prices: 123 with two digits is 1.23.
    pub digits: u32,
    /// Decimal digits of its volumes.
    pub volume_digits: u32,
    /// Its bars, the timeframe of the first look first.
    pub series: Vec<Series>,
    /// Figures of days, the oldest first.
    pub days: Vec<Day>,
    /// Volumes of months, the oldest first.
    pub months: Vec<Month>,
    /// Anomalies and signals, the oldest first.
    pub events: Vec<Event>,
}

/// Bars of one timeframe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Such as `1d`, `1h`, `1m`.
    pub timeframe: String,
    /// Length of a bar, µs. Series of a day and longer lie in `index.html`, the others in files of their own.
    pub step: i64,
    /// Whether the market trades in sessions: then time without bars takes no place. Else each bar that is
    /// not there keeps its place, and it is shown that it is not there.
    pub sessions: bool,
    /// Bars, the oldest first.
    pub bars: Vec<Bar>,
    /// Columns beside the bars.
    pub indicators: Vec<Indicator>,
}

/// A bar: prices in 10^−`digits` of the quote asset, the volume in 10^−`volume_digits` of its unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bar {
    /// Its start.
    pub time: i64,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// What was traded.
    pub volume: i64,
}

/// A column beside the bars. It is shown to a hundredth of the smallest unit of a price, an RSI to a hundredth.
#[derive(Debug, Clone, PartialEq)]
pub struct Indicator {
    /// What it is switched on and off with, such as `SMA`, `Bollinger`, `RSI`, `MACD`.
    pub group: String,
    /// What it is called beside its value, such as `SMA 20`.
    pub label: String,
    /// Where and how it is drawn.
    pub kind: IndicatorKind,
    /// A value for each bar; none while there are too few bars. In the quote asset, an RSI from 0 to 100.
    pub values: Vec<Option<f64>>,
}

/// Where and how an indicator is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndicatorKind {
    /// A line over the candles.
    Line,
    /// The upper end of a band over the candles; its lower one is the next [`IndicatorKind::BandLower`].
    BandUpper,
    /// The lower end of that band.
    BandLower,
    /// A line from 0 to 100 in a pane of its own.
    Rsi,
    /// The MACD, in a pane of its own.
    Macd,
    /// Its signal.
    MacdSignal,
    /// What lies between both, as columns.
    MacdHistogram,
}

/// Figures of a day.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Day {
    /// Its start.
    pub time: i64,
    /// Last price.
    pub close: i64,
    /// Change of the close against the day before, in percent; none on the first day.
    pub change: Option<f64>,
    /// What was traded.
    pub volume: i64,
}

/// The volume of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Month {
    /// Its start.
    pub time: i64,
    /// What was traded.
    pub volume: i64,
}

/// An anomaly or a signal: a marker at a bar, and a line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The start of its bar.
    pub time: i64,
    /// The timeframe of its bar, such as `1d`.
    pub timeframe: String,
    /// What it is.
    pub kind: EventKind,
    /// Its name, such as `volume spike`.
    pub name: String,
    /// What was found and what was expected, in words.
    pub text: String,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Something unusual.
    Anomaly(Severity),
    /// Something that a trader waits for.
    Signal(Direction),
}

/// How unusual something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A little.
    Low,
    /// Clearly.
    Medium,
    /// Very.
    High,
}

/// Where a signal points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// What each day of each series has become.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Start of the first day.
    pub from: i64,
    /// Days of the map.
    pub days: u32,
    /// A row for each series, those of a symbol together.
    pub rows: Vec<CoverageRow>,
}

/// The days of one series, as spans of days that became the same for the same reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoverageRow {
    /// The symbol.
    pub symbol: String,
    /// The market.
    pub market: String,
    /// The dataset.
    pub dataset: String,
    /// Length of a bar, where there are bars.
    pub timeframe: Option<String>,
    /// They make up all days of the map.
    pub spans: Vec<Span>,
}

/// Days in a row that became the same for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// How many days.
    pub days: u32,
    /// What they became.
    pub state: State,
    /// Why they are not simply available.
    pub reason: Option<String>,
}

impl CoverageRow {
    /// Puts a day behind those that are there: it lengthens the last span where it became the same.
    pub fn push(&mut self, state: State, reason: Option<&str>) {
        match self.spans.last_mut() {
            Some(last) if last.state == state && last.reason.as_deref() == reason => last.days += 1,
            _ => self.spans.push(Span { days: 1, state, reason: reason.map(str::to_owned) }),
        }
    }
}

/// What a day has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not wanted: before the configuration's days, or of another series.
    Outside,
    /// There and whole.
    Available,
    /// The venue is closed all day.
    Closed,
    /// Not due yet.
    Pending,
    /// What the source's API said; the archive is not there yet.
    Partial,
    /// There, and something of it is not.
    Degraded,
    /// The source has none.
    Missing,
    /// Fetched, and of no use.
    Corrupt,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it found.
    pub outcome: Outcome,
    /// The check.
    pub name: String,
    /// What was checked.
    pub subject: String,
    /// The value expected.
    pub expected: String,
    /// The value found.
    pub found: String,
    /// More, in words; empty where nothing is to be said.
    pub detail: String,
    /// What it found in former runs and in the last, the oldest first; none where it did not run.
    pub history: Vec<Option<Outcome>>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it must be.
    Pass,
    /// Nothing could be checked.
    Skip,
    /// To be looked at.
    Warn,
    /// Wrong.
    Fail,
}

/// Lines that are no rows, for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reject {
    /// The reason.
    pub reason: String,
    /// How many.
    pub lines: u64,
    /// Where the first of them is, and its text as received. Anything may stand in it.
    pub first: String,
}

/// A run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: i64,
    /// How long it took until silver was visible, µs; none while that is not so.
    pub took: Option<i64>,
    /// Archives fetched and verified.
    pub archives: u64,
    /// Archives missing, corrupt or with a wrong checksum.
    pub archives_failed: u64,
    /// Bytes of archives.
    pub bytes: u64,
    /// What became of its rows.
    pub rows: Rows,
    /// What it cost, millionths of a US dollar; none where that is not known.
    pub cost: Option<i64>,
}

/// Rows of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// Read.
    pub read: u64,
    /// In silver.
    pub silver: u64,
    /// Rejected.
    pub rejected: u64,
    /// Duplicate.
    pub duplicate: u64,
}

/// What certifies a state of the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Its name or hash.
    pub id: String,
    /// When it was made.
    pub made_at: i64,
    /// Whether it holds for what the page shows.
    pub holds: bool,
    /// What it says, or why it does not hold, in words.
    pub text: String,
}
