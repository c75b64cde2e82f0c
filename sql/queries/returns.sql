-- purpose: the return of each day and the return since the first day asked for
-- grain: one row a day; no return of a day where days lie between
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    date,
    close,
    price_change,
    pct_change,
    daily_return,
    days_since_previous,
    is_complete,
    previous_is_complete,
    ln(1 + daily_return) AS log_return,
    CAST(close AS double)
        / CAST(first_value(close) OVER (ORDER BY date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS double)
        - 1 AS return_since_first
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND date BETWEEN :from AND :to
ORDER BY date
