-- purpose: lines that silver could not take, with their text
-- grain: one row a line
-- param: source text = binance "the provider"
-- param: symbol text = '' "the instrument; empty: all"
-- param: top int = 100 "how many lines"
SELECT
    unit,
    line,
    reason,
    field,
    found,
    expected,
    raw_text
FROM silver.rejects
WHERE source = :source
    AND (:symbol = '' OR symbol = :symbol)
ORDER BY unit, line
LIMIT :top
