-- purpose: how the daily returns of symbols go together: the correlation of each pair
-- grain: one row a pair of symbols with at least so many days in common; none of one that never moved
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
-- param: least int = 30 "days in common"
SELECT
    a.symbol AS symbol,
    b.symbol AS other_symbol,
    count(*) AS days,
    CASE
        WHEN stddev_pop(a.daily_return) > 1e-9 AND stddev_pop(b.daily_return) > 1e-9
            THEN round(corr(a.daily_return, b.daily_return), 9)
    END AS correlation
FROM gold.daily AS a
INNER JOIN gold.daily AS b
    ON a.source = b.source
    AND a.market = b.market
    AND a.date = b.date
    AND a.symbol < b.symbol
WHERE a.source = :source
    AND a.market = :market
    AND a.date BETWEEN :from AND :to
    AND b.source = :source
    AND b.market = :market
    AND b.date BETWEEN :from AND :to
    AND a.daily_return IS NOT NULL
    AND b.daily_return IS NOT NULL
GROUP BY a.symbol, b.symbol
HAVING count(*) >= :least
ORDER BY a.symbol, b.symbol
