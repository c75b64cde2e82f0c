-- purpose: the volume-weighted average price of each day beside the day's range
-- grain: one row a day
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    date,
    vwap,
    low,
    high,
    close,
    volume,
    quote_volume,
    trade_count,
    made_from,
    is_complete
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND date BETWEEN :from AND :to
ORDER BY date
