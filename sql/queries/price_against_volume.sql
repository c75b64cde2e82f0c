-- purpose: price beside volume, and volume against its mean of the last 30 days with trades
-- grain: one row a day
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    date,
    close,
    pct_change,
    volume,
    quote_volume,
    CAST(volume AS double) / nullif(
        avg(CAST(volume AS double)) OVER (ORDER BY date ROWS BETWEEN 29 PRECEDING AND CURRENT ROW),
        0
    ) AS volume_to_mean_30d,
    CAST(quote_volume AS double) / nullif(CAST(trade_count AS double), 0) AS quote_per_trade,
    is_complete
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND date BETWEEN :from AND :to
ORDER BY date
