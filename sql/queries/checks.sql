-- purpose: what the latest check of the lake found, the gravest first
-- grain: one row a finding or a summary
-- param: name text = '' "one check only, such as reconciliation; empty: all"
-- param: top int = 100 "how many rows"
SELECT
    check_name,
    status,
    subject,
    time,
    field,
    expected,
    found,
    detail
FROM ops.checks
WHERE run = (SELECT max(run) FROM ops.checks)
    AND (:name = '' OR check_name = :name)
ORDER BY
    CASE status WHEN 'fail' THEN 0 WHEN 'warn' THEN 1 ELSE 2 END,
    check_name,
    subject,
    time
LIMIT :top
