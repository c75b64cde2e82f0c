-- purpose: what became of each archive, by its latest version
-- grain: one row a unit
-- input: bronze.archives
-- params: $source text
SELECT
    unit,
    status,
    detail
FROM (
    SELECT
        unit,
        status,
        detail,
        row_number() OVER (PARTITION BY unit ORDER BY fetched_at DESC, sha256 DESC) AS age
    FROM bronze.archives
    WHERE source = $source
)
WHERE age = 1
ORDER BY unit
