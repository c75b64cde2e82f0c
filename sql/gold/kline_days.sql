-- purpose: how whole the klines of each day of a month are
-- grain: one row a timeframe and day with a valid kline
-- input: silver.klines
-- params: $source, $market, $symbol, $month text
--
-- A place of the grid is one bar of the day, whether a kline opens exactly there or, as seen after
-- outages, within it. A kline that does not say how many trades it had may have had some. Amounts are
-- null where one of the klines does not state them. Provisional ones are those of a day whose archive is
-- not there yet.
WITH placed AS (
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
        END * 1000000 AS width_us,
        trade_count,
        volume,
        contract_volume,
        issues
    FROM silver.klines
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND month = $month
        AND is_valid
)
SELECT
    timeframe,
    day,
    count(*) AS klines,
    count(DISTINCT open_us - open_us % width_us) AS places,
    sum(CASE WHEN trade_count > 0 OR trade_count IS NULL THEN 1 ELSE 0 END) AS traded,
    sum(CASE WHEN issues LIKE '%provisional%' THEN 1 ELSE 0 END) AS provisional,
    CASE WHEN count(trade_count) = count(*)
        THEN sum(CAST(trade_count AS decimal(38, 0))) END AS trade_count,
    CASE WHEN count(volume) = count(*)
        THEN sum(CAST(volume AS decimal(38, 8))) END AS volume,
    CASE WHEN count(contract_volume) = count(*)
        THEN sum(CAST(contract_volume AS decimal(38, 8))) END AS contract_volume
FROM placed
GROUP BY timeframe, day
ORDER BY timeframe, day
