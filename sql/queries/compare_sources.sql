-- purpose: the bars of one instrument from two sources beside each other, and where they differ
-- grain: one row a day that both have
-- param: symbol text = AAPL "the instrument, which both call so"
-- param: timeframe text = 1m "the length of a bar"
-- param: first text = twelvedata "the one source"
-- param: second text = alphavantage "the other source"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    CAST(a.open_time AS date) AS date,
    count(*) AS bars_of_both,
    sum(CASE WHEN a.open = b.open AND a.high = b.high AND a.low = b.low AND a.close = b.close
        THEN 0 ELSE 1 END) AS different,
    max(abs(a.close - b.close)) AS largest_difference,
    sum(a.volume) AS first_volume,
    sum(b.volume) AS second_volume
FROM silver.klines AS a
INNER JOIN silver.klines AS b
    ON a.symbol = b.symbol
    AND a.timeframe = b.timeframe
    AND a.month = b.month
    AND a.open_time = b.open_time
WHERE a.source = :first
    AND b.source = :second
    AND a.symbol = :symbol
    AND a.timeframe = :timeframe
    AND CAST(a.open_time AS date) BETWEEN :from AND :to
GROUP BY CAST(a.open_time AS date)
ORDER BY date
