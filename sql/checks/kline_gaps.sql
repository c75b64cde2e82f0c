-- purpose: the klines that are missing between two others of a month, as ranges
-- grain: one row a gap
-- input: silver.klines
-- params: $source, $market, $symbol, $timeframe, $month text; $width_us bigint
SELECT
    previous_us + $width_us AS first_missing,
    slot_us - $width_us AS last_missing
FROM (
    SELECT
        slot_us,
        lag(slot_us) OVER (ORDER BY slot_us) AS previous_us
    FROM (
        SELECT DISTINCT
            CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us AS slot_us
        FROM silver.klines
        WHERE source = $source
            AND market = $market
            AND symbol = $symbol
            AND timeframe = $timeframe
            AND month = $month
    )
)
WHERE slot_us > previous_us + $width_us
ORDER BY slot_us
LIMIT {limit}
