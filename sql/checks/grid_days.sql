-- purpose: how whole the rows of a series are that come at equal distances, by day
-- grain: one row a day with a row
-- input: {table}: a silver table; {place}: the place of the grid that a row has, in µs; {day}: its
--        day; {step}: how far apart the rows of a day should be; {also}: what tells the series;
--        {within}: what tells its partitions
-- params: $source, $market, $symbol text
SELECT
    {day} AS day,
    count(*) AS row_count,
    count(DISTINCT {place}) AS places,
    min({place}) AS first_us,
    CAST({step} AS bigint) AS step_us,
    sum(CASE WHEN issues LIKE '%off_grid%' THEN 1 ELSE 0 END) AS off_grid,
    sum(CASE WHEN issues LIKE '%early_close%' THEN 1 ELSE 0 END) AS early,
    sum(CASE WHEN is_valid THEN 0 ELSE 1 END) AS invalid,
    sum(CASE WHEN issues LIKE '%conflicting_duplicate%' THEN 1 ELSE 0 END) AS conflicting
FROM {table}
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND {also}
    AND {within}
GROUP BY {day}
ORDER BY day
