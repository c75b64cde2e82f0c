-- purpose: how many lines of each archive silver could not take, and how many of its rows say
--          something else than the row of their key that silver took, by the day that they are of
-- grain: one row a unit and day; day null where a line does not tell
-- input: silver.rejects
-- params: $source text
SELECT
    unit,
    date,
    count(*) FILTER (WHERE reason <> 'conflicting_duplicate') AS lines,
    count(*) FILTER (WHERE reason = 'conflicting_duplicate') AS lost
FROM silver.rejects
WHERE source = $source
GROUP BY unit, date
ORDER BY unit, date
