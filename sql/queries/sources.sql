-- purpose: what came from which source: days by status, and rows
-- grain: one row a source, market and dataset
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    source,
    market,
    dataset,
    count(DISTINCT symbol) AS symbols,
    sum(CASE WHEN status = 'available' THEN 1 ELSE 0 END) AS days_available,
    sum(CASE WHEN status = 'partial' THEN 1 ELSE 0 END) AS days_partial,
    sum(CASE WHEN status = 'closed' THEN 1 ELSE 0 END) AS days_closed,
    sum(CASE WHEN status IN ('available', 'partial', 'closed') THEN 0 ELSE 1 END) AS days_not_available,
    sum(rows) AS row_count,
    sum(rows_rejected) AS rows_rejected
FROM ops.coverage
WHERE date BETWEEN :from AND :to
GROUP BY source, market, dataset
ORDER BY source, market, dataset
