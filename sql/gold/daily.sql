-- purpose: gold.daily of one symbol
-- grain: one row a day with a trade
-- input: days (see days.sql; all days of the symbol), with session_number: how many days the venue
--        had sessions on up to the day; where it never closes, the days of the calendar
--
-- A return is that of one day: where days lie between (nothing traded, nothing is held, or a ticker
-- is used again for another asset) the previous close stays, with its distance, and change and
-- returns are null. Days on which the venue is closed do not count as such. A window of seven days is full
-- where none lies between. Whether the close of the day before is the last one of its day is told beside.
WITH with_previous AS (
    SELECT
        *,
        lag(close) OVER (ORDER BY date) AS previous_close,
        lag(volume) OVER (ORDER BY date) AS previous_volume,
        lag(is_complete) OVER (ORDER BY date) AS previous_is_complete,
        CAST(date AS int) - CAST(lag(date) OVER (ORDER BY date) AS int) AS days_since_previous,
        session_number - lag(session_number) OVER (ORDER BY date) AS sessions_since_previous
    FROM days
),
with_reference AS (
    SELECT
        *,
        CASE WHEN sessions_since_previous <= 1 THEN previous_close END AS reference,
        CASE WHEN sessions_since_previous <= 1 THEN previous_volume END AS volume_reference,
        session_number - first_value(session_number) OVER (
            ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS sessions_of_window,
        count(*) OVER (ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS days_of_window,
        sum(close) OVER (ORDER BY date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS closes_of_window
    FROM with_previous
),
with_return AS (
    SELECT
        *,
        CAST(close - reference AS double) / CAST(reference AS double) AS daily_return
    FROM with_reference
),
-- a deviation that slides over its window leaves rests of what has left it, and the root of one below 0
returns_of_window AS (
    SELECT
        *,
        daily_return AS r0,
        lag(daily_return, 1) OVER (ORDER BY date) AS r1,
        lag(daily_return, 2) OVER (ORDER BY date) AS r2,
        lag(daily_return, 3) OVER (ORDER BY date) AS r3,
        lag(daily_return, 4) OVER (ORDER BY date) AS r4,
        lag(daily_return, 5) OVER (ORDER BY date) AS r5,
        lag(daily_return, 6) OVER (ORDER BY date) AS r6
    FROM with_return
),
with_mean AS (
    SELECT
        *,
        (r0 + r1 + r2 + r3 + r4 + r5 + r6) / 7 AS mean_return
    FROM returns_of_window
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
    daily_return,
    high - low AS price_range,
    CAST(high + low + close AS double) / 3 AS typical_price,
    bars,
    made_from,
    is_complete,
    days_since_previous,
    previous_is_complete,
    CASE
        WHEN days_of_window = 7 AND sessions_of_window <= 6 THEN CAST(closes_of_window AS double) / 7
    END AS avg_7d,
    100 * sqrt(
        (
            (r0 - mean_return) * (r0 - mean_return) + (r1 - mean_return) * (r1 - mean_return)
            + (r2 - mean_return) * (r2 - mean_return) + (r3 - mean_return) * (r3 - mean_return)
            + (r4 - mean_return) * (r4 - mean_return) + (r5 - mean_return) * (r5 - mean_return)
            + (r6 - mean_return) * (r6 - mean_return)
        ) / 6
    ) AS volatility_score,
    CASE
        WHEN volume_reference > 0
            THEN 100 * (CAST(volume - volume_reference AS double) / CAST(volume_reference AS double))
    END AS volume_change_pct,
    COALESCE(
        CAST(quote_volume AS double),
        CAST(volume AS double) * (CAST(high + low + close AS double) / 3)
    ) AS turnover
FROM with_mean
ORDER BY date
