-- purpose: the ids of single days from their rows, and which rows have what issues
-- grain: one row a day
-- input: {table}: silver.trades or silver.agg_trades; {id}: its id; {days}: the days, as dates
-- params: $source, $market, $symbol text
--
-- Asked only for days whose file statistics do not say it all. An id out of all range is no id. Rows
-- that share an id all say so, the others are counted without being held. A row that the exchange
-- voided is none the worse for it, and one that repeats trades of others loses none; one that
-- repeats only some (overlaps_trades) does.
SELECT
    date,
    sum(CASE WHEN issues LIKE '%id_out_of_range%' OR issues LIKE '%id_repeated%' THEN 0 ELSE 1 END)
        + count(DISTINCT CASE WHEN issues LIKE '%id_out_of_range%' THEN NULL
                              WHEN issues LIKE '%id_repeated%' THEN {id} END) AS ids,
    min(CASE WHEN issues LIKE '%id_out_of_range%' THEN NULL ELSE {id} END) AS first_id,
    max(CASE WHEN issues LIKE '%id_out_of_range%' THEN NULL ELSE {id} END) AS last_id,
    min(time_us) AS first_us,
    max(time_us) AS last_us,
    sum(CASE WHEN is_valid OR issues LIKE '%voided%' OR issues LIKE '%repeats_trades%' THEN 0
             ELSE 1 END) AS invalid,
    sum(CASE WHEN issues LIKE '%voided%' THEN 1 ELSE 0 END) AS voided,
    sum(CASE WHEN issues LIKE '%repeats_trades%' THEN 1 ELSE 0 END) AS repeating,
    sum(CASE WHEN issues LIKE '%id_repeated%' THEN 1 ELSE 0 END) AS twins,
    sum(CASE WHEN issues LIKE '%conflicting_duplicate%' THEN 1 ELSE 0 END) AS conflicting,
    sum(CASE WHEN issues LIKE '%provisional%' THEN 1 ELSE 0 END) AS provisional
FROM {table}
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND date IN ({days})
GROUP BY date
ORDER BY date
