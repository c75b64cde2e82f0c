-- purpose: how many places of each day that a venue was open in have a kline
-- grain: one row a day with such a kline
-- input: silver.klines; {hours}: when the venue was open, as (day, from, to) with instants in µs
-- params: $source, $market, $symbol, $timeframe, $from_month, $to_month text; $width_us bigint
WITH hours (day, from_us, to_us) AS (
    VALUES {hours}
),
placed AS (
    SELECT
        CAST(open_time AS date) AS day,
        CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us AS slot_us
    FROM silver.klines
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND timeframe = $timeframe
        AND month BETWEEN $from_month AND $to_month
)
SELECT
    placed.day,
    count(DISTINCT placed.slot_us) AS slots
FROM placed
JOIN hours
    ON hours.day = placed.day
    AND placed.slot_us < hours.to_us
    AND placed.slot_us + $width_us > hours.from_us
GROUP BY placed.day
ORDER BY placed.day
