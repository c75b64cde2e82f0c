-- purpose: bars of every timeframe from the base bars of one symbol and month
-- grain: one row a timeframe and bar
-- input: base (bars made from trades, aggregate trades or klines, with the timeframe they have),
--        choice (for each day and timeframe wanted: its width in µs, the base timeframe to make
--        it from, what that was made from, and whether that is whole on this day)
--
-- Longer bars are made from shorter ones, never from trades again: sums are exact, so it comes
-- to the same. A longer bar opens with its first base bar and closes with its last one. No bar
-- spans two days, so each has one origin. What one of its base bars does not state is null: the
-- sum of the others would be a wrong one.
WITH placed AS (
    SELECT
        choice.timeframe,
        choice.made_from,
        choice.is_complete,
        base.open_us - base.open_us % choice.width_us AS bar_us,
        base.open_us,
        base.open,
        base.high,
        base.low,
        base.close,
        base.volume,
        base.quote_volume,
        base.contract_volume,
        base.trade_count,
        base.taker_buy_volume,
        base.taker_buy_quote_volume,
        base.taker_buy_contract_volume
    FROM base
    JOIN choice
        ON choice.day_us = base.open_us - base.open_us % 86400000000
        AND choice.base = base.timeframe
        AND choice.made_from = base.made_from
),
bars AS (
    SELECT
        timeframe,
        made_from,
        is_complete,
        bar_us,
        first_value(open ORDER BY open_us) AS open,
        max(high) AS high,
        min(low) AS low,
        last_value(close ORDER BY open_us) AS close,
        CASE WHEN count(volume) = count(*)
            THEN sum(volume) END AS volume,
        CASE WHEN count(quote_volume) = count(*)
            THEN sum(quote_volume) END AS quote_volume,
        CASE WHEN count(contract_volume) = count(*)
            THEN sum(contract_volume) END AS contract_volume,
        CASE WHEN count(trade_count) = count(*)
            THEN sum(CAST(trade_count AS decimal(38, 0))) END AS trade_count,
        CASE WHEN count(taker_buy_volume) = count(*)
            THEN sum(taker_buy_volume) END AS taker_buy_volume,
        CASE WHEN count(taker_buy_quote_volume) = count(*)
            THEN sum(taker_buy_quote_volume) END AS taker_buy_quote_volume,
        CASE WHEN count(taker_buy_contract_volume) = count(*)
            THEN sum(taker_buy_contract_volume) END AS taker_buy_contract_volume
    FROM placed
    GROUP BY timeframe, made_from, is_complete, bar_us
)
SELECT
    timeframe,
    bar_us AS open_time,
    open,
    high,
    low,
    close,
    volume,
    quote_volume,
    contract_volume,
    CAST(trade_count AS bigint) AS trade_count,
    taker_buy_volume,
    taker_buy_quote_volume,
    taker_buy_contract_volume,
    CAST(quote_volume AS double) / nullif(CAST(volume AS double), 0) AS vwap,
    made_from,
    is_complete
FROM bars
ORDER BY timeframe, bar_us
