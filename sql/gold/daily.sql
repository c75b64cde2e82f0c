-- purpose: gold.daily of one symbol
-- grain: one row a day with a trade
-- input: days (see days.sql; all days of the symbol), with session_number: how many days the venue
--        had sessions on up to the day; where it never closes, the days of the calendar
--
-- A return is that of one day: where days lie between (nothing traded, nothing is held, or a ticker
-- is used again for another asset) the previous close stays, with its distance, and change and
-- returns are null. Days on which the venue is closed do not count as such. Whether the close of the day before is the last one of its day is told beside.
WITH with_previous AS (
    SELECT
        *,
        lag(close) OVER (ORDER BY date) AS previous_close,
        lag(is_complete) OVER (ORDER BY date) AS previous_is_complete,
        CAST(date AS int) - CAST(lag(date) OVER (ORDER BY date) AS int) AS days_since_previous,
        session_number - lag(session_number) OVER (ORDER BY date) AS sessions_since_previous
    FROM days
),
with_reference AS (
    SELECT
        *,
        CASE WHEN sessions_since_previous <= 1 THEN previous_close END AS reference
    FROM with_previous
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
    close - reference AS price_change,
    100 * (CAST(close - reference AS double) / CAST(reference AS double)) AS pct_change,
    CAST(close - reference AS double) / CAST(reference AS double) AS daily_return,
    high - low AS price_range,
    CAST(high + low + close AS double) / 3 AS typical_price,
    bars,
    made_from,
    is_complete,
    days_since_previous,
    previous_is_complete
FROM with_reference
ORDER BY date
