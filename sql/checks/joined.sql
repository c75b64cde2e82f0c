-- purpose: bars made from trades beside the exchange's own klines
-- grain: one row a bar or kline of a timeframe that both tables have
-- input: gold.bars, silver.klines
-- params: $source, $market, $symbol, $month text
--
-- A kline without a trade must have no bar, so only klines that may have had trades are looked at.
-- What a kline does not state is not compared. COIN-M aggregate trades state contracts only; their
-- bars have no volume in the base asset.
WITH bar AS (
    SELECT *
    FROM gold.bars
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND month = $month
        AND made_from <> 'klines'
),
kline AS (
    SELECT *
    FROM silver.klines
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND month = $month
        AND timeframe IN ('1m', '5m', '15m', '1h', '4h', '1d')
        AND (trade_count > 0 OR trade_count IS NULL)
),
joined AS (
    SELECT
        coalesce(bar.timeframe, kline.timeframe) AS timeframe,
        CAST(coalesce(bar.open_time, kline.open_time) AS bigint) AS open_us,
        bar.made_from,
        bar.open AS bar_open,
        bar.high AS bar_high,
        bar.low AS bar_low,
        bar.close AS bar_close,
        bar.volume AS bar_volume,
        bar.quote_volume AS bar_quote_volume,
        bar.contract_volume AS bar_contract_volume,
        bar.trade_count AS bar_trade_count,
        bar.taker_buy_volume AS bar_taker_buy_volume,
        bar.taker_buy_quote_volume AS bar_taker_buy_quote_volume,
        bar.taker_buy_contract_volume AS bar_taker_buy_contract_volume,
        kline.open AS kline_open,
        kline.high AS kline_high,
        kline.low AS kline_low,
        kline.close AS kline_close,
        kline.volume AS kline_volume,
        kline.quote_volume AS kline_quote_volume,
        kline.contract_volume AS kline_contract_volume,
        kline.trade_count AS kline_trade_count,
        kline.taker_buy_volume AS kline_taker_buy_volume,
        kline.taker_buy_quote_volume AS kline_taker_buy_quote_volume,
        kline.taker_buy_contract_volume AS kline_taker_buy_contract_volume,
        (bar.open IS DISTINCT FROM kline.open)
            OR (bar.high IS DISTINCT FROM kline.high)
            OR (bar.low IS DISTINCT FROM kline.low)
            OR (bar.close IS DISTINCT FROM kline.close)
            OR ((bar.volume IS DISTINCT FROM kline.volume)
                AND kline.volume IS NOT NULL
                AND NOT ($market = 'coinm' AND bar.made_from = 'agg_trades'))
            OR ((bar.quote_volume IS DISTINCT FROM kline.quote_volume)
                AND kline.quote_volume IS NOT NULL)
            OR ((bar.contract_volume IS DISTINCT FROM kline.contract_volume)
                AND kline.contract_volume IS NOT NULL)
            OR ((bar.trade_count IS DISTINCT FROM kline.trade_count)
                AND kline.trade_count IS NOT NULL)
            OR ((bar.taker_buy_volume IS DISTINCT FROM kline.taker_buy_volume)
                AND kline.taker_buy_volume IS NOT NULL
                AND NOT ($market = 'coinm' AND bar.made_from = 'agg_trades'))
            OR ((bar.taker_buy_quote_volume IS DISTINCT FROM kline.taker_buy_quote_volume)
                AND kline.taker_buy_quote_volume IS NOT NULL)
            OR ((bar.taker_buy_contract_volume IS DISTINCT FROM kline.taker_buy_contract_volume)
                AND kline.taker_buy_contract_volume IS NOT NULL)
            AS differs
    FROM bar
    FULL JOIN kline
        ON kline.timeframe = bar.timeframe
        AND kline.open_time = bar.open_time
)
