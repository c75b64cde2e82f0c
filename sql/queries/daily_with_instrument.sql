-- purpose: the daily figures of an instrument, with what it was on each day: base, quote, currency, steps
-- grain: one row a day
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: symbol text = BTCUSDT "the instrument"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
SELECT
    d.date,
    d.symbol,
    i.base,
    i.quote,
    i.currency,
    i.time_zone,
    i.tick_size,
    i.lot_size,
    d.open,
    d.high,
    d.low,
    d.close,
    d.volume,
    d.quote_volume,
    d.pct_change,
    d.is_complete,
    i.listed_from,
    i.listed_to,
    i.renamed_from,
    i.renamed_to
FROM gold.daily AS d
LEFT JOIN silver.instruments AS i
    ON d.source = i.source
    AND d.market = i.market
    AND d.symbol = i.symbol
    AND d.date >= i.valid_from
    AND (i.valid_to IS NULL OR d.date < i.valid_to)
    AND i.source = :source
WHERE d.source = :source
    AND d.market = :market
    AND d.symbol = :symbol
    AND d.date BETWEEN :from AND :to
ORDER BY d.date
