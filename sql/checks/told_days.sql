-- purpose: how many rows a source told of a series on each day on which it was asked
-- grain: one row a day with a row
-- input: {table}: a silver table of what is told of now; {also}: what tells the series
-- params: $source, $market, $symbol text
SELECT
    as_of,
    count(*) AS row_count,
    sum(CASE WHEN is_valid THEN 0 ELSE 1 END) AS invalid,
    sum(CASE WHEN issues LIKE '%conflicting_duplicate%' THEN 1 ELSE 0 END) AS conflicting
FROM {table}
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND {also}
GROUP BY as_of
ORDER BY as_of
