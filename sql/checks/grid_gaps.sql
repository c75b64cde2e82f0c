-- purpose: the rows that are missing between two others of a month, as ranges
-- grain: one row a gap
-- input: {table}: a silver table; {place}: the place of the grid that a row has, in µs; {step}: how
--        far apart rows should be; {also}: what tells the series; {within}: what tells its partitions
-- params: $source, $market, $symbol text
SELECT
    previous_us + {step} AS first_missing,
    place_us - {step} AS last_missing
FROM (
    SELECT
        place_us,
        lag(place_us) OVER (ORDER BY place_us) AS previous_us
    FROM (
        SELECT DISTINCT {place} AS place_us
        FROM {table}
        WHERE source = $source
            AND market = $market
            AND symbol = $symbol
            AND {also}
            AND {within}
    )
)
WHERE place_us > previous_us + {step}
ORDER BY place_us
LIMIT {limit}
