-- purpose: realised volatility over the last 7 and 30 days with trades, and a year's at that rate
-- grain: one row a day; a window that is not full yet is null
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day the windows may reach back to"
-- param: to date = 2099-12-31 "last day"
WITH windows AS (
    SELECT
        date,
        close,
        daily_return,
        count(daily_return) OVER (ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS n_7,
        count(daily_return) OVER (ORDER BY date ROWS BETWEEN 29 PRECEDING AND CURRENT ROW) AS n_30,
        stddev_samp(daily_return) OVER (ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS deviation_7,
        stddev_samp(daily_return) OVER (ORDER BY date ROWS BETWEEN 29 PRECEDING AND CURRENT ROW) AS deviation_30
    FROM gold.daily
    WHERE source = :source
        AND market = :market
        AND symbol = :symbol
        AND date BETWEEN :from AND :to
)
SELECT
    date,
    close,
    daily_return,
    CASE WHEN n_7 = 7 THEN deviation_7 END AS volatility_7d,
    CASE WHEN n_30 = 30 THEN deviation_30 END AS volatility_30d,
    CASE WHEN n_30 = 30 THEN deviation_30 * sqrt(365) END AS volatility_30d_yearly
FROM windows
ORDER BY date
