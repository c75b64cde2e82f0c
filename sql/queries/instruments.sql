-- purpose: what instruments are and were: base, quote, currency, steps, days of listing, other names
-- grain: one row an instrument and time in which that held
-- param: source text = binance "the provider"
-- param: market text = '' "one market only, such as spot; empty: all"
-- param: symbol text = '' "the instrument; empty: all"
SELECT
    market,
    symbol,
    valid_from,
    valid_to,
    base,
    quote,
    currency,
    time_zone,
    tick_size,
    lot_size,
    status,
    contract_type,
    listed_from,
    listed_to,
    renamed_from,
    renamed_to,
    told_at,
    run
FROM silver.instruments
WHERE source = :source
    AND (:market = '' OR market = :market)
    AND (:symbol = '' OR symbol = :symbol)
ORDER BY market, symbol, valid_from
