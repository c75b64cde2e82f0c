-- purpose: the signals that the bars of a market give, the latest first
-- grain: one row a signal
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
-- param: top int = 100 "how many rows"
SELECT
    open_time,
    symbol,
    timeframe,
    signal_type,
    direction,
    strength,
    description,
    made_of,
    known_at
FROM gold.signals
WHERE source = :source
    AND market = :market
    AND CAST(open_time AS date) BETWEEN :from AND :to
ORDER BY open_time DESC, symbol, timeframe, signal_type
LIMIT :top
