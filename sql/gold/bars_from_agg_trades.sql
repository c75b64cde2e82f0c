-- purpose: 1m bars of one symbol and month from its aggregate trades
-- grain: one row a minute with a trade
-- input: silver.agg_trades
-- params: $source, $market, $symbol text; $from, $to date (first and last day)
--
-- An aggregate stands for the trades from first_trade_id to last_trade_id, all of one price and
-- one instant. Quote amounts are price × quantity, summed exactly at 16 decimals and rounded
-- once a bar (half away from zero). Only valid rows count. Ids are subtracted and counts summed
-- as decimals: whatever stands in a file, nothing wraps around.
-- The job does the same in one pass over the files (jobs/gold/src/fold.rs), several times
-- faster; a test holds the two equal. `gold --engine sql` runs this text.
WITH rows_of_month AS (
    SELECT
        time_us,
        agg_trade_id,
        price,
        quantity,
        price * quantity AS quote,
        contracts,
        CAST(last_trade_id AS decimal(38, 0)) - CAST(first_trade_id AS decimal(38, 0)) + 1
            AS trades,
        is_buyer_maker
    FROM silver.agg_trades
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND date BETWEEN $from AND $to
        AND is_valid
)
SELECT
    time_us - time_us % 60000000 AS open_us,
    first_value(price ORDER BY agg_trade_id, time_us, price) AS open,
    max(price) AS high,
    min(price) AS low,
    last_value(price ORDER BY agg_trade_id, time_us, price) AS close,
    sum(CAST(quantity AS decimal(38, 8))) AS volume,
    CAST(sum(quote) AS decimal(38, 8)) AS quote_volume,
    sum(CAST(contracts AS decimal(38, 8))) AS contract_volume,
    CAST(sum(CAST(trades AS decimal(38, 0))) AS bigint) AS trade_count,
    sum(CASE WHEN quantity IS NULL THEN NULL
             WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 8))
             ELSE CAST(quantity AS decimal(38, 8)) END) AS taker_buy_volume,
    CAST(sum(CASE WHEN quote IS NULL THEN NULL
                  WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 16))
                  ELSE quote END) AS decimal(38, 8)) AS taker_buy_quote_volume,
    sum(CASE WHEN contracts IS NULL THEN NULL
             WHEN is_buyer_maker THEN CAST(0 AS decimal(38, 8))
             ELSE CAST(contracts AS decimal(38, 8)) END) AS taker_buy_contract_volume
FROM rows_of_month
GROUP BY time_us - time_us % 60000000
ORDER BY open_us
