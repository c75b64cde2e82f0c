-- purpose: the days that are not simply available, with the reason; closed ones left out
-- grain: one row a series and day
-- param: source text = binance "the provider"
-- param: market text = '' "spot, usdm or coinm; empty: all"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    market,
    dataset,
    symbol,
    timeframe,
    date,
    status,
    reason,
    archive_status,
    rows AS row_count,
    rows_rejected,
    missing
FROM ops.coverage
WHERE source = :source
    AND (:market = '' OR market = :market)
    AND date BETWEEN :from AND :to
    AND status NOT IN ('available', 'closed')
ORDER BY market, dataset, symbol, timeframe, date
