-- purpose: bars of one symbol and month from its klines of one timeframe
-- grain: one row a bar of $width_us that may have had a trade
-- input: silver.klines
-- params: $source, $market, $symbol, $month, $timeframe text; $width_us bigint (µs, that of the
--         timeframe, and one minute for shorter ones)
--
-- Klines without a trade are left out, so that a bar means the same whatever it is made from. One
-- that does not say how many it had is taken. What one of a bar's klines does not state is null.
-- A kline off the grid, as seen after outages, counts in the bar that it opens in.
SELECT
    CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us AS open_us,
    first_value(open ORDER BY open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last_value(close ORDER BY open_time) AS close,
    CASE WHEN count(volume) = count(*)
        THEN sum(CAST(volume AS decimal(38, 8))) END AS volume,
    CASE WHEN count(quote_volume) = count(*)
        THEN sum(CAST(quote_volume AS decimal(38, 8))) END AS quote_volume,
    CASE WHEN count(contract_volume) = count(*)
        THEN sum(CAST(contract_volume AS decimal(38, 8))) END AS contract_volume,
    CASE WHEN count(trade_count) = count(*)
        THEN CAST(sum(CAST(trade_count AS decimal(38, 0))) AS bigint) END AS trade_count,
    CASE WHEN count(taker_buy_volume) = count(*)
        THEN sum(CAST(taker_buy_volume AS decimal(38, 8))) END AS taker_buy_volume,
    CASE WHEN count(taker_buy_quote_volume) = count(*)
        THEN sum(CAST(taker_buy_quote_volume AS decimal(38, 8))) END AS taker_buy_quote_volume,
    CASE WHEN count(taker_buy_contract_volume) = count(*)
        THEN sum(CAST(taker_buy_contract_volume AS decimal(38, 8))) END AS taker_buy_contract_volume
FROM silver.klines
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND timeframe = $timeframe
    AND month = $month
    AND is_valid
    AND (trade_count > 0 OR trade_count IS NULL)
GROUP BY CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us
ORDER BY open_us
