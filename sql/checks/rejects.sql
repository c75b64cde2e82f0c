-- purpose: how many lines of each archive silver could not take, by the day that they are of
-- grain: one row a unit and day; day null where a line does not tell
-- input: silver.rejects
-- params: $source text
--
-- Rows that lost against another row of their key are no lines that could not be taken.
SELECT
    unit,
    date,
    count(*) AS lines
FROM silver.rejects
WHERE source = $source
    AND reason <> 'conflicting_duplicate'
GROUP BY unit, date
ORDER BY unit, date
