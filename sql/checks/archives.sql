-- purpose: what became of each archive, by its latest version
-- grain: one row a unit
-- input: bronze.archives
-- params: $source text
SELECT
    unit,
    status,
    detail,
    object
FROM (
    SELECT
        unit,
        status,
        detail,
        object,
        -- of what is said of the same bytes the last word counts: they may have rotted since
        row_number() OVER (
            PARTITION BY unit
            ORDER BY
                fetched_at DESC,
                run DESC,
                CASE WHEN status IN ('ok', 'unverified', 'truncated_suspect') THEN 1 ELSE 0 END,
                sha256 DESC
        ) AS age
    FROM bronze.archives
    WHERE source = $source
)
WHERE age = 1
ORDER BY unit
