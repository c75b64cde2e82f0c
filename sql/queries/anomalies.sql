-- purpose: what is unusual about the bars of a market, the latest first
-- grain: one row an unusual thing about a bar
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
-- param: top int = 100 "how many rows"
SELECT
    open_time,
    symbol,
    timeframe,
    anomaly_type,
    severity,
    value,
    threshold,
    description,
    method,
    known_at
FROM gold.anomalies
WHERE source = :source
    AND market = :market
    AND CAST(open_time AS date) BETWEEN :from AND :to
ORDER BY open_time DESC, symbol, timeframe, anomaly_type
LIMIT :top
