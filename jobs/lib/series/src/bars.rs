//! A series of bars, by columns.

/// What one unit of a price, a volume or an amount is: 1e-8.
pub const UNIT: f64 = 1e-8;

/// The bars of one instrument and timeframe, in order of time, each time once. All columns have one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bars {
    /// When each opens: microseconds since the epoch.
    pub open_us: Vec<i64>,
    /// The width of a bar in microseconds.
    pub width_us: i64,
    /// The number of each bar's place among those at which the venue has bars: of two bars that follow on each
    /// other the numbers differ by 1, over a gap by more. An hour in which the venue is closed is no place.
    pub place: Vec<i64>,
    /// The number of each bar's session among those of the venue: a UTC day where it never closes.
    pub session: Vec<i64>,
    /// First prices, in units of 1e-8 of the quote asset.
    pub open: Vec<i64>,
    /// Highest prices.
    pub high: Vec<i64>,
    /// Lowest prices.
    pub low: Vec<i64>,
    /// Last prices.
    pub close: Vec<i64>,
    /// Volumes in units of 1e-8 of the base asset (of a contract, where the market counts in them); none where
    /// the source states none.
    pub volume: Vec<Option<i128>>,
    /// Volumes in units of 1e-8 of the quote asset; none where nobody states them.
    pub quote_volume: Vec<Option<i128>>,
}

impl Bars {
    /// How many bars there are.
    pub fn len(&self) -> usize {
        self.open_us.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.open_us.is_empty()
    }
}
