-- purpose: days whose bars are made from klines
-- grain: one row a timeframe and day
-- input: gold.bars
-- params: $source, $market, $symbol, $month text
--
-- How many trades a day had is null where one of its bars does not say it.
SELECT
    timeframe,
    CAST(open_time AS date) AS day,
    CASE WHEN count(trade_count) = count(*)
        THEN CAST(sum(CAST(trade_count AS decimal(38, 0))) AS bigint) END AS trades
FROM gold.bars
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND month = $month
    AND made_from = 'klines'
GROUP BY timeframe, CAST(open_time AS date)
ORDER BY timeframe, day
