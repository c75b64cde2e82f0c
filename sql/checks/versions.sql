-- purpose: rows of archives that say something else than the row of their key that is in silver
-- grain: one row a unit and day; day null where a row does not tell
-- input: silver.rejects
-- params: $source text
SELECT
    unit,
    date,
    count(*) AS lines
FROM silver.rejects
WHERE source = $source
    AND reason = 'conflicting_duplicate'
GROUP BY unit, date
ORDER BY unit, date
