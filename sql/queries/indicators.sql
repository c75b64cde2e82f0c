-- purpose: the indicators of one symbol
-- grain: one row a bar; null until a window has all of its bars
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: timeframe timeframe = 1h "one of gold.timeframes in lake.yaml"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    open_time,
    close,
    sma_short,
    sma_long,
    ema_short,
    ema_long,
    macd,
    macd_signal,
    macd_histogram,
    rsi,
    bollinger_lower,
    bollinger_middle,
    bollinger_upper,
    atr,
    roc,
    obv,
    session_vwap,
    volatility_short,
    volatility_long,
    bars_short,
    bars_long
FROM gold.indicators
WHERE source = :source
    AND market = :market
    AND symbol = :symbol
    AND timeframe = :timeframe
    AND month BETWEEN substr(CAST(:from AS varchar), 1, 7) AND substr(CAST(:to AS varchar), 1, 7)
    AND CAST(open_time AS date) BETWEEN :from AND :to
ORDER BY open_time
