-- purpose: how many lines of each archive silver could not take
-- grain: one row a unit
-- input: silver.rejects
-- params: $source text
SELECT
    unit,
    count(*) AS lines
FROM silver.rejects
WHERE source = $source
GROUP BY unit
ORDER BY unit
