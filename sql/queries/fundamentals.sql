-- purpose: what a company reported, and from when to when that was what a source knew of it
-- grain: one row a source and stretch of days on which it told the same; figures that follow the price do not count
-- param: market text = stocks "the market"
-- param: symbol text = IBM "the share"
-- param: from date = 2017-01-01 "first day on which a source was asked"
-- param: to date = 2099-12-31 "last day on which a source was asked"
WITH told AS (
    SELECT
        source,
        as_of,
        coalesce(CAST(latest_quarter AS varchar), '-')
            || ' ' || coalesce(currency, '-')
            || ' ' || coalesce(CAST(eps AS varchar), '-')
            || ' ' || coalesce(CAST(diluted_eps AS varchar), '-')
            || ' ' || coalesce(CAST(book_value AS varchar), '-')
            || ' ' || coalesce(CAST(dividend_per_share AS varchar), '-')
            || ' ' || coalesce(CAST(revenue AS varchar), '-')
            || ' ' || coalesce(CAST(gross_profit AS varchar), '-')
            || ' ' || coalesce(CAST(ebitda AS varchar), '-')
            || ' ' || coalesce(CAST(shares_outstanding AS varchar), '-') AS figures
    FROM silver.fundamentals
    WHERE market = :market
        AND symbol = :symbol
        AND as_of BETWEEN :from AND :to
        AND is_valid
),
compared AS (
    SELECT
        source,
        as_of,
        CASE WHEN figures = lag(figures) OVER (PARTITION BY source ORDER BY as_of)
            THEN 0 ELSE 1 END AS is_new
    FROM told
),
numbered AS (
    SELECT
        source,
        as_of,
        sum(is_new) OVER (PARTITION BY source ORDER BY as_of
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
    FROM compared
),
stretches AS (
    SELECT
        source,
        min(as_of) AS valid_from,
        max(as_of) AS last_told,
        count(*) AS times_told
    FROM numbered
    GROUP BY source, stretch
)
SELECT
    s.source,
    s.valid_from,
    lead(s.valid_from) OVER (PARTITION BY s.source ORDER BY s.valid_from) AS valid_to,
    s.last_told,
    s.times_told,
    f.latest_quarter,
    f.currency,
    f.eps,
    f.diluted_eps,
    f.book_value,
    f.dividend_per_share,
    f.revenue,
    f.gross_profit,
    f.ebitda,
    f.shares_outstanding
FROM stretches AS s
INNER JOIN silver.fundamentals AS f
    ON f.source = s.source
    AND f.as_of = s.valid_from
WHERE f.market = :market
    AND f.symbol = :symbol
    AND f.as_of BETWEEN :from AND :to
ORDER BY s.source, s.valid_from
