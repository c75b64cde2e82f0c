-- purpose: the ids that are missing within a day, as ranges
-- grain: one row a gap
-- input: {table}: silver.trades or silver.agg_trades; {id}: its id
-- params: $source, $market, $symbol text; $day date
SELECT
    previous + 1 AS first_missing,
    id - 1 AS last_missing,
    time_us
FROM (
    SELECT
        {id} AS id,
        time_us,
        lag({id}) OVER (ORDER BY {id}) AS previous
    FROM {table}
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND date = $day
)
WHERE id > previous + 1
ORDER BY id
LIMIT {limit}
