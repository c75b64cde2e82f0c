-- purpose: what silver made of every row it read, group by group
-- grain: one row a build of a group
-- param: source text = binance "the provider"
-- param: top int = 100 "how many builds"
SELECT
    group_id,
    table_name,
    rows_read,
    rows_silver,
    rows_rejected,
    rows_duplicate,
    rows_conflicting,
    rows_invalid,
    files,
    bytes,
    built_at,
    run
FROM ops.builds
WHERE source = :source
ORDER BY built_at DESC, group_id
LIMIT :top
