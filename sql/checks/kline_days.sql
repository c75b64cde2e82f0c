-- purpose: how whole the klines of each day are
-- grain: one row a day with a kline
-- input: silver.klines
-- params: $source, $market, $symbol, $timeframe, $from_month, $to_month text; $width_us bigint
--
-- A kline that does not say how many trades it had may have had some.
SELECT
    CAST(open_time AS date) AS day,
    count(*) AS klines,
    count(DISTINCT CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us) AS slots,
    sum(CASE WHEN issues LIKE '%off_grid%' THEN 1 ELSE 0 END) AS off_grid,
    sum(CASE WHEN issues LIKE '%early_close%' THEN 1 ELSE 0 END) AS early,
    sum(CASE WHEN is_valid THEN 0 ELSE 1 END) AS invalid,
    sum(CASE WHEN issues LIKE '%conflicting_duplicate%' THEN 1 ELSE 0 END) AS conflicting,
    sum(CASE WHEN issues LIKE '%provisional%' THEN 1 ELSE 0 END) AS provisional,
    sum(CASE WHEN trade_count = 0 THEN 0 ELSE 1 END) AS traded,
    min(CAST(open_time AS bigint)) AS first_us
FROM silver.klines
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND timeframe = $timeframe
    AND month BETWEEN $from_month AND $to_month
GROUP BY CAST(open_time AS date)
ORDER BY day
