-- purpose: the ids that are missing within a day, as ranges
-- grain: one row a gap
-- input: {table}: silver.trades or silver.agg_trades; {id}: its id
-- params: $source, $market, $symbol text; $day date
--
-- Worked out in decimals, so that no id is too great; one out of all range is none.
SELECT
    CAST(previous + 1 AS bigint) AS first_missing,
    CAST(id - 1 AS bigint) AS last_missing,
    time_us
FROM (
    SELECT
        id,
        time_us,
        lag(id) OVER (ORDER BY id) AS previous
    FROM (
        SELECT
            CAST({id} AS decimal(38, 0)) AS id,
            time_us
        FROM {table}
        WHERE source = $source
            AND market = $market
            AND symbol = $symbol
            AND date = $day
            AND (issues IS NULL OR issues NOT LIKE '%id_out_of_range%')
    )
)
WHERE id > previous + 1
ORDER BY id
LIMIT {limit}
