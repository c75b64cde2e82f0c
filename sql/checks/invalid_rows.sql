-- purpose: rows that are not valid
-- grain: one row a day that has some
-- input: {table}: silver.trades or silver.agg_trades
-- params: $source, $market, $symbol text; $from, $to date
SELECT
    date,
    count(*) AS invalid
FROM {table}
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND date BETWEEN $from AND $to
    AND NOT is_valid
GROUP BY date
ORDER BY date
