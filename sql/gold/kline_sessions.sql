-- purpose: how many places of each day of a month that a venue was open in have a valid kline
-- grain: one row a timeframe and day with such a kline
-- input: silver.klines; {hours}: when the venue was open, as (day, from, to) with instants in µs
-- params: $source, $market, $symbol, $month text
--
-- Places are those of kline_days.sql. One is in a session where it is so in part.
WITH hours (day, from_us, to_us) AS (
    VALUES {hours}
),
widths AS (
    SELECT
        timeframe,
        CAST(open_time AS date) AS day,
        CAST(open_time AS bigint) AS open_us,
        CASE timeframe
            WHEN '1s' THEN 1
            WHEN '1m' THEN 60
            WHEN '3m' THEN 180
            WHEN '5m' THEN 300
            WHEN '15m' THEN 900
            WHEN '30m' THEN 1800
            WHEN '1h' THEN 3600
            WHEN '2h' THEN 7200
            WHEN '4h' THEN 14400
            WHEN '6h' THEN 21600
            WHEN '8h' THEN 28800
            WHEN '12h' THEN 43200
            ELSE 86400
        END * 1000000 AS width_us
    FROM silver.klines
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND month = $month
        AND is_valid
),
placed AS (
    SELECT
        timeframe,
        day,
        width_us,
        open_us - open_us % width_us AS place_us
    FROM widths
)
SELECT
    placed.timeframe,
    placed.day,
    count(DISTINCT placed.place_us) AS places
FROM placed
JOIN hours
    ON hours.day = placed.day
    AND placed.place_us < hours.to_us
    AND placed.place_us + placed.width_us > hours.from_us
GROUP BY placed.timeframe, placed.day
ORDER BY placed.timeframe, placed.day
