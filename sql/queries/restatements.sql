-- purpose: what archives and answers said otherwise when they came anew, what was learnt last first
-- grain: one row a value that was changed, removed or added
-- param: source text = binance "the provider"
-- param: symbol text = '' "the instrument; empty: all"
-- param: timeframe text = '' "the timeframe of bars; empty: all"
-- param: top int = 100 "how many values"
SELECT
    learned_at,
    unit,
    change,
    row_key,
    column_name,
    old_value,
    new_value,
    row_count,
    sha256_before,
    sha256_after,
    run
FROM silver.restatements
WHERE source = :source
    AND (:symbol = '' OR symbol = :symbol)
    AND (:timeframe = '' OR timeframe = :timeframe)
ORDER BY learned_at DESC, unit, row_key, column_name
LIMIT :top
