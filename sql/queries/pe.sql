-- purpose: price by earnings of a share on each day: its close by the earnings a share that were known before that day
-- grain: one row a day; no earnings on days before the first on which a source was asked, no ratio without a profit
-- param: source text = alphavantage "the source of the closes"
-- param: figures text = alphavantage "the source of the figures"
-- param: market text = stocks "the market of both"
-- param: symbol text = IBM "the share"
-- param: from date = 2017-01-01 "first day"
-- param: to date = 2099-12-31 "last day"
WITH told AS (
    SELECT
        symbol,
        as_of,
        lead(as_of) OVER (PARTITION BY symbol ORDER BY as_of) AS next_as_of,
        latest_quarter,
        currency,
        eps,
        pe_ratio
    FROM silver.fundamentals
    WHERE source = :figures
        AND market = :market
        AND symbol = :symbol
        AND is_valid
)
SELECT
    d.date,
    d.symbol,
    d.close,
    t.eps,
    t.currency,
    CASE WHEN t.eps > 0 THEN CAST(d.close AS double) / CAST(t.eps AS double) END AS pe,
    t.pe_ratio AS pe_as_stated,
    t.latest_quarter,
    t.as_of AS known_as_of,
    d.is_complete
FROM gold.daily AS d
LEFT JOIN told AS t
    ON d.symbol = t.symbol
    AND d.date > t.as_of
    AND (t.next_as_of IS NULL OR d.date <= t.next_as_of)
WHERE d.source = :source
    AND d.market = :market
    AND d.symbol = :symbol
    AND d.date BETWEEN :from AND :to
ORDER BY d.date
