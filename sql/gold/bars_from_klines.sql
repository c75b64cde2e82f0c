-- purpose: bars of one symbol and month from its klines of one timeframe
-- grain: one row a bar of $width_us with a trade
-- input: silver.klines
-- params: $source, $market, $symbol, $month, $timeframe text; $width_us bigint (µs, that of the
--         timeframe, and one minute for shorter ones)
--
-- Klines without a trade are left out, so that a bar means the same whatever it is made from.
-- A kline off the grid, as seen after outages, counts in the bar that it opens in.
SELECT
    CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us AS open_us,
    first_value(open ORDER BY open_time) AS open,
    max(high) AS high,
    min(low) AS low,
    last_value(close ORDER BY open_time) AS close,
    sum(CAST(volume AS decimal(38, 8))) AS volume,
    sum(CAST(quote_volume AS decimal(38, 8))) AS quote_volume,
    sum(CAST(contract_volume AS decimal(38, 8))) AS contract_volume,
    CAST(sum(CAST(trade_count AS decimal(38, 0))) AS bigint) AS trade_count,
    sum(CAST(taker_buy_volume AS decimal(38, 8))) AS taker_buy_volume,
    sum(CAST(taker_buy_quote_volume AS decimal(38, 8))) AS taker_buy_quote_volume,
    sum(CAST(taker_buy_contract_volume AS decimal(38, 8))) AS taker_buy_contract_volume
FROM silver.klines
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND timeframe = $timeframe
    AND month = $month
    AND is_valid
    AND trade_count > 0
GROUP BY CAST(open_time AS bigint) - CAST(open_time AS bigint) % $width_us
ORDER BY open_us
