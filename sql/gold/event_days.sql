-- purpose: how whole the trades or aggregate trades of single days are, from their rows
-- grain: one row a day
-- input: {table}: silver.trades or silver.agg_trades; {id}: its id; {days}: the days, as dates
-- params: $source, $market, $symbol text
--
-- Asked only for days whose file statistics do not say it all: those with a row that has an issue.
-- A row that the exchange voided stands for nothing, and one that repeats trades of others adds
-- nothing: neither leaves a hole. One that repeats only some (overlaps_trades) does: the others are
-- in no valid row. An id out of all range is no id. Rows that share an id all say so, the others
-- are counted without being held. Of a day whose archive is not there yet (provisional) something is
-- lacking in any case.
WITH rows_of_days AS (
    SELECT
        date,
        CASE WHEN issues LIKE '%id_out_of_range%' THEN NULL ELSE {id} END AS id,
        coalesce(issues LIKE '%id_repeated%', FALSE) AS is_shared,
        time_us,
        is_valid,
        is_valid
            OR coalesce(issues LIKE '%voided%', FALSE)
            OR coalesce(issues LIKE '%repeats_trades%', FALSE) AS leaves_no_hole,
        coalesce(issues LIKE '%provisional%', FALSE) AS is_provisional
    FROM {table}
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND date IN ({days})
)
SELECT
    date,
    sum(CASE WHEN NOT is_shared AND id IS NOT NULL THEN 1 ELSE 0 END)
        + count(DISTINCT CASE WHEN is_shared THEN id END) AS ids,
    min(id) AS first_id,
    max(id) AS last_id,
    min(time_us) AS first_us,
    max(time_us) AS last_us,
    sum(CASE WHEN is_valid THEN 1 ELSE 0 END) AS valid,
    sum(CASE WHEN leaves_no_hole THEN 0 ELSE 1 END)
        + max(CASE WHEN is_provisional THEN 1 ELSE 0 END) AS damaged
FROM rows_of_days
GROUP BY date
ORDER BY date
