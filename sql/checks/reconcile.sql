-- purpose: how many bars differ from the exchange's own klines
-- grain: one row a timeframe and day
-- input: joined.sql, which stands before this
SELECT
    timeframe,
    open_us - open_us % 86400000000 AS day_us,
    count(*) AS bars,
    sum(CASE WHEN differs THEN 1 ELSE 0 END) AS differing
FROM joined
GROUP BY timeframe, open_us - open_us % 86400000000
ORDER BY timeframe, day_us
