-- purpose: what is there and what is not: days by status
-- grain: one row a series and status
-- param: source text = binance "the provider"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    market,
    dataset,
    symbol,
    timeframe,
    status,
    count(*) AS days,
    min(date) AS first_day,
    max(date) AS last_day,
    sum(rows) AS row_count,
    sum(rows_rejected) AS rows_rejected,
    sum(missing) AS missing
FROM ops.coverage
WHERE source = :source
    AND date BETWEEN :from AND :to
GROUP BY market, dataset, symbol, timeframe, status
ORDER BY market, dataset, symbol, timeframe, status
