//! The markets of the exchange.

model::words! {
    /// A market of the exchange.
    Market, "market" {
        /// Spot: quantities in the base asset.
        Spot = "spot",
        /// USD-margined futures: quantities in the base asset.
        Usdm = "usdm",
        /// Coin-margined futures: quantities in contracts.
        Coinm = "coinm",
    }
}
