-- purpose: bars that differ from the exchange's own klines, with both sides
-- grain: one row a bar or kline
-- input: joined.sql, which stands before this
SELECT *
FROM joined
WHERE differs
ORDER BY timeframe, open_us
