-- purpose: the bars of one symbol
-- grain: one row a bar
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: timeframe timeframe = 1h "1m, 5m, 15m, 1h, 4h or 1d"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    open_time,
    open,
    high,
    low,
    close,
    volume,
    quote_volume,
    trade_count,
    taker_buy_volume,
    vwap,
    made_from,
    is_complete
FROM gold.bars
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND timeframe = :timeframe
    AND month BETWEEN substr(CAST(:from AS varchar), 1, 7) AND substr(CAST(:to AS varchar), 1, 7)
    AND CAST(open_time AS date) BETWEEN :from AND :to
ORDER BY open_time
