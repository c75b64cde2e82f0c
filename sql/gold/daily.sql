-- purpose: gold.daily of one symbol
-- grain: one row a day with a trade
-- input: days (see days.sql; all days of the symbol)
WITH with_previous AS (
    SELECT
        *,
        lag(close) OVER (ORDER BY date) AS previous_close
    FROM days
)
SELECT
    date,
    open,
    high,
    low,
    close,
    volume,
    quote_volume,
    trade_count,
    vwap,
    average_price,
    previous_close,
    close - previous_close AS price_change,
    100 * (CAST(close - previous_close AS double) / CAST(previous_close AS double)) AS pct_change,
    CAST(close - previous_close AS double) / CAST(previous_close AS double) AS daily_return,
    high - low AS price_range,
    CAST(high + low + close AS double) / 3 AS typical_price,
    bars,
    made_from
FROM with_previous
ORDER BY date
