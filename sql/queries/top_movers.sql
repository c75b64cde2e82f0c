-- purpose: the symbols whose price moved most on one day, up or down
-- grain: one row a symbol
-- param: source text = binance "the provider"
-- param: market text = spot "spot, usdm or coinm"
-- param: day date = 2099-12-31 "the day; where it has no figures, the last day before it that has"
-- param: top int = 20 "how many symbols"
SELECT
    date,
    symbol,
    previous_close,
    close,
    price_change,
    pct_change,
    price_range,
    volume,
    quote_volume,
    is_complete,
    previous_is_complete
FROM gold.daily
WHERE source = :source
    AND market = :market
    AND pct_change IS NOT NULL
    AND date = (
        SELECT max(date)
        FROM gold.daily
        WHERE source = :source
            AND market = :market
            AND pct_change IS NOT NULL
            AND date <= :day
    )
ORDER BY abs(pct_change) DESC, symbol
LIMIT :top
