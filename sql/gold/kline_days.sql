-- purpose: which klines there are for which days of a month
-- grain: one row a timeframe and day with a valid kline that has trades
-- input: silver.klines
-- params: $source, $market, $symbol, $month text
SELECT
    timeframe,
    CAST(open_time AS date) AS day,
    count(*) AS klines
FROM silver.klines
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND month = $month
    AND is_valid
    AND trade_count > 0
GROUP BY timeframe, CAST(open_time AS date)
ORDER BY timeframe, day
