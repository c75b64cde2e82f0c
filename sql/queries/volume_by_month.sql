-- purpose: volume, trades and the price range of each month
-- grain: one row a symbol and month
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    substr(CAST(date AS varchar), 1, 7) AS month,
    symbol,
    count(*) AS days,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(trade_count) AS trade_count,
    CAST(sum(quote_volume) AS double) / nullif(CAST(sum(volume) AS double), 0) AS vwap,
    min(low) AS low,
    max(high) AS high
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND date BETWEEN :from AND :to
GROUP BY substr(CAST(date AS varchar), 1, 7), symbol
ORDER BY month, symbol
