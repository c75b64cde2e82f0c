-- purpose: what gold.daily needs of each day, from the day's bars
-- grain: one row a day with a trade
-- input: bars (of one symbol, with the columns of gold.bars)
--
-- Prices and volumes are those of the day's 1d bar. The average is the mean of the closes of
-- the shortest bars that the day has; where the 1d bar is complete, of the shortest that may be.
WITH day_bars AS (
    SELECT
        *
    FROM bars
    WHERE timeframe = '1d'
),
by_timeframe AS (
    SELECT
        CAST(bars.open_time AS date) AS date,
        CASE bars.timeframe
            WHEN '1m' THEN 1
            WHEN '5m' THEN 5
            WHEN '15m' THEN 15
            WHEN '1h' THEN 60
            WHEN '4h' THEN 240
            ELSE 1440
        END AS minutes,
        sum(bars.close) AS close_sum,
        count(*) AS bars
    FROM bars
    JOIN day_bars
        ON CAST(day_bars.open_time AS date) = CAST(bars.open_time AS date)
    WHERE bars.is_complete IS NULL
        OR bars.is_complete
        OR day_bars.is_complete IS NULL
        OR NOT day_bars.is_complete
    GROUP BY 1, 2
),
finest AS (
    SELECT date, min(minutes) AS minutes
    FROM by_timeframe
    GROUP BY date
)
SELECT
    by_timeframe.date,
    day.open,
    day.high,
    day.low,
    day.close,
    day.volume,
    day.quote_volume,
    day.trade_count,
    day.vwap,
    CAST(by_timeframe.close_sum AS double) / by_timeframe.bars AS average_price,
    by_timeframe.bars,
    day.made_from,
    day.is_complete
FROM by_timeframe
JOIN finest
    ON finest.date = by_timeframe.date
    AND finest.minutes = by_timeframe.minutes
JOIN day_bars AS day
    ON CAST(day.open_time AS date) = by_timeframe.date
ORDER BY by_timeframe.date
