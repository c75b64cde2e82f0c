-- purpose: how many symbols of a market rose and fell each day, and how far they moved together
-- grain: one row a day with a return
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    date,
    count(*) AS symbols,
    sum(CASE WHEN price_change > 0 THEN 1 ELSE 0 END) AS rose,
    sum(CASE WHEN price_change < 0 THEN 1 ELSE 0 END) AS fell,
    sum(CASE WHEN price_change = 0 THEN 1 ELSE 0 END) AS unchanged,
    sum(CASE WHEN avg_7d IS NOT NULL AND CAST(close AS double) > avg_7d THEN 1 ELSE 0 END) AS above_7d_avg,
    round(avg(daily_return), 12) AS mean_return
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND date BETWEEN :from AND :to
    AND daily_return IS NOT NULL
GROUP BY date
ORDER BY date
