-- purpose: what silver made of every row
-- grain: one row a build of a group, the latest first
-- input: ops.builds
SELECT
    group_id,
    table_name,
    inputs,
    units,
    rows_read,
    rows_silver,
    rows_rejected,
    rows_duplicate,
    rows_conflicting,
    run
FROM ops.builds
ORDER BY built_at DESC, run DESC
