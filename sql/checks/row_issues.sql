-- purpose: rows that are not valid, and rows of whose key the archives state two contents
-- grain: one row a day that has some
-- input: {table}: silver.trades or silver.agg_trades
-- params: $source, $market, $symbol text; $from, $to date
SELECT
    date,
    sum(CASE WHEN is_valid THEN 0 ELSE 1 END) AS invalid,
    sum(CASE WHEN issues LIKE '%conflicting_duplicate%' THEN 1 ELSE 0 END) AS conflicting
FROM {table}
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND date BETWEEN $from AND $to
    AND issues IS NOT NULL
GROUP BY date
ORDER BY date
