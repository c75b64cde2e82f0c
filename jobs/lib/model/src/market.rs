//! Source, market, dataset and timeframe: the words every other module is built from. Which sources
//! and markets there are is not known here. Symbols live in [`crate::symbol`].

use crate::words::{names, words};

names! {
    /// The provider of data, such as `binance`.
    Source, "source"
}

names! {
    /// A market of a provider, such as `spot`: what its symbols are unique in, and what decides in which
    /// units quantities are.
    Market, "market"
}

words! {
    /// What an archive holds.
    Dataset, "dataset" {
        /// Single trades.
        Trades = "trades",
        /// Trades of one taker order at one price, aggregated by the exchange.
        AggTrades = "agg_trades",
        /// The exchange's own bars.
        Klines = "klines",
        /// Funding rates of perpetual contracts.
        Funding = "funding",
        /// Best bids and asks.
        Quotes = "quotes",
        /// Open interest and long/short ratios.
        Metrics = "metrics",
        /// Bars of the mark price.
        MarkKlines = "mark_klines",
        /// Bars of the index price.
        IndexKlines = "index_klines",
        /// Bars of the premium of a contract over its index.
        PremiumKlines = "premium_klines",
        /// What is known of companies: earnings, ratios, shares.
        Fundamentals = "fundamentals",
        /// The last price of a share and what is told of its latest trading day.
        LastQuotes = "last_quotes",
        /// Splits of shares.
        Splits = "splits",
        /// Dividends of shares.
        Dividends = "dividends",
    }
}

impl Dataset {
    /// Whether archives of this dataset come per timeframe.
    pub const fn has_timeframe(self) -> bool {
        matches!(self, Self::Klines) || self.price().is_some()
    }

    /// Of bars of a price that nobody trades at: which one, as `silver.price_klines` says it.
    pub const fn price(self) -> Option<&'static str> {
        match self {
            Self::MarkKlines => Some("mark"),
            Self::IndexKlines => Some("index"),
            Self::PremiumKlines => Some("premium"),
            _ => None,
        }
    }

    /// Of what changes a share without a trade: which kind, as `silver.actions` says it.
    pub const fn action(self) -> Option<&'static str> {
        match self {
            Self::Splits => Some("split"),
            Self::Dividends => Some("dividend"),
            _ => None,
        }
    }

    /// Of a dataset of which a source tells what it knows now and nothing of former days: the days
    /// from one asking to the next where the configuration does not say. Its units are the days on
    /// which it was asked for.
    pub const fn asked_every(self) -> Option<u32> {
        match self {
            Self::Fundamentals | Self::LastQuotes => Some(1),
            Self::Splits | Self::Dividends => Some(7),
            _ => None,
        }
    }

    /// Whether a source tells of now alone: see [`Self::asked_every`].
    pub const fn tells_now(self) -> bool {
        self.asked_every().is_some()
    }

    /// The column of ids that the source numbers without a gap, so that one that is missing tells a row
    /// that is missing.
    pub const fn contiguous_id(self) -> Option<&'static str> {
        match self {
            Self::Trades => Some("trade_id"),
            Self::AggTrades => Some("agg_trade_id"),
            _ => None,
        }
    }
}

words! {
    /// The length of a bar.
    Timeframe, "timeframe" {
        /// One second.
        S1 = "1s",
        /// One minute.
        M1 = "1m",
        /// Three minutes.
        M3 = "3m",
        /// Five minutes.
        M5 = "5m",
        /// Fifteen minutes.
        M15 = "15m",
        /// Thirty minutes.
        M30 = "30m",
        /// One hour.
        H1 = "1h",
        /// Two hours.
        H2 = "2h",
        /// Four hours.
        H4 = "4h",
        /// Six hours.
        H6 = "6h",
        /// Eight hours.
        H8 = "8h",
        /// Twelve hours.
        H12 = "12h",
        /// One day, from 00:00 UTC.
        D1 = "1d",
    }
}

impl Timeframe {
    /// The timeframes of `gold.bars`, shortest first.
    pub const GOLD: &'static [Self] =
        &[Self::M1, Self::M5, Self::M15, Self::H1, Self::H4, Self::D1];

    /// Length in microseconds.
    pub const fn micros(self) -> i64 {
        let seconds = match self {
            Self::S1 => 1,
            Self::M1 => 60,
            Self::M3 => 180,
            Self::M5 => 300,
            Self::M15 => 900,
            Self::M30 => 1_800,
            Self::H1 => 3_600,
            Self::H2 => 7_200,
            Self::H4 => 14_400,
            Self::H6 => 21_600,
            Self::H8 => 28_800,
            Self::H12 => 43_200,
            Self::D1 => 86_400,
        };
        seconds * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for timeframe in Timeframe::ALL {
            assert_eq!(timeframe.as_str().parse::<Timeframe>().as_ref(), Ok(timeframe));
        }
        let error = "ticks".parse::<Dataset>().expect_err("not a dataset");
        assert_eq!(
            error.to_string(),
            "unknown dataset `ticks`, expected one of trades, agg_trades, klines, funding, quotes, \
             metrics, mark_klines, index_klines, premium_klines, fundamentals, last_quotes, splits, \
             dividends"
        );
    }

    #[test]
    fn gold_timeframes_divide_the_day() {
        for t in Timeframe::GOLD {
            assert_eq!(Timeframe::D1.micros() % t.micros(), 0, "{t}");
        }
    }
}
