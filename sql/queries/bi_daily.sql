-- purpose: daily figures for BI tools, by the names that their readers expect
-- grain: one row a symbol and day
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    date,
    symbol,
    open,
    high,
    low,
    close,
    volume,
    turnover,
    trade_count,
    average_price,
    avg_7d AS "7d_avg",
    volatility_score,
    price_change,
    pct_change AS price_change_pct,
    volume_change_pct,
    is_complete
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND date BETWEEN :from AND :to
ORDER BY date, symbol
