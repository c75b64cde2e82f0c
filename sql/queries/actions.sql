-- purpose: the splits and dividends of a share, as a source knew them on a day
-- grain: one row a split or dividend
-- param: source text = alphavantage "the provider"
-- param: market text = stocks "the market"
-- param: symbol text = AAPL "the share"
-- param: known_on date = 2099-12-31 "what was known on this day; where nobody asked on it, on the last day before it"
WITH newest AS (
    -- by the ledger: a source that has withdrawn the last one gives a list without a row
    SELECT
        CASE dataset WHEN 'splits' THEN 'split' ELSE 'dividend' END AS kind,
        CAST(max(period) AS date) AS as_of
    FROM bronze.archives
    WHERE source = :source
        AND market = :market
        AND symbol = :symbol
        AND dataset IN ('splits', 'dividends')
        AND status IN ('ok', 'unverified')
        AND period <= CAST(:known_on AS varchar)
    GROUP BY dataset
)
SELECT
    a.ex_date,
    a.kind,
    a.amount,
    a.currency,
    a.shares_new,
    a.shares_old,
    CAST(a.shares_new AS double) / CAST(a.shares_old AS double) AS split_factor,
    a.declared_date,
    a.record_date,
    a.payment_date,
    a.as_of AS known_as_of
FROM silver.actions AS a
INNER JOIN newest AS n
    ON a.kind = n.kind
    AND a.as_of = n.as_of
WHERE a.source = :source
    AND a.market = :market
    AND a.symbol = :symbol
    AND a.is_valid
ORDER BY a.ex_date, a.kind, a.amount
