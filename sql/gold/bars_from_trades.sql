-- purpose: 1m bars of one symbol and month from its trades
-- grain: one row a minute with a trade
-- input: silver.trades
-- params: $source, $market, $symbol text; $from, $to date (first and last day)
--
-- First and last are by trade id, not by time: the exchange numbers trades in the order in
-- which they happened, and several share an instant. Where two trades share an id, time and price
-- decide. Only valid rows count. All sums are exact.
-- The job does the same in one pass over the files (jobs/gold/src/fold.rs), several times
-- faster; a test holds the two equal. `gold --engine sql` runs this text.
SELECT
    time_us - time_us % 60000000 AS open_us,
    first_value(price ORDER BY trade_id, time_us, price) AS open,
    max(price) AS high,
    min(price) AS low,
    last_value(price ORDER BY trade_id, time_us, price) AS close,
    sum(CAST(quantity AS decimal(38, 8))) AS volume,
    sum(CAST(quote_quantity AS decimal(38, 8))) AS quote_volume,
    sum(CAST(contracts AS decimal(38, 8))) AS contract_volume,
    count(*) AS trade_count,
    sum(CASE WHEN quantity IS NULL THEN NULL
             WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 8))
             ELSE CAST(quantity AS decimal(38, 8)) END) AS taker_buy_volume,
    sum(CASE WHEN quote_quantity IS NULL THEN NULL
             WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 8))
             ELSE CAST(quote_quantity AS decimal(38, 8)) END) AS taker_buy_quote_volume,
    sum(CASE WHEN contracts IS NULL THEN NULL
             WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 8))
             ELSE CAST(contracts AS decimal(38, 8)) END) AS taker_buy_contract_volume
FROM silver.trades
WHERE source = $source
    AND market = $market
    AND symbol = $symbol
    AND date BETWEEN $from AND $to
    AND is_valid
GROUP BY time_us - time_us % 60000000
ORDER BY open_us
