-- purpose: what each run did, the latest first
-- grain: one row a run
-- param: top int = 20 "how many runs"
SELECT
    run,
    environment,
    started_at,
    committed_at,
    units,
    archives_ok,
    archives_failed,
    bytes_fetched,
    groups,
    groups_failed,
    rows_read,
    rows_silver,
    rows_rejected,
    rows_duplicate
FROM ops.runs
ORDER BY run DESC
LIMIT :top
