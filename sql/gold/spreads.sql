-- purpose: the quotes of each bar of a month: how far bid and ask lay apart
-- grain: one row a bar with a quote
-- input: silver.quotes
-- params: $source, $market, $symbol text, $from, $to date, $width_us bigint
--
-- Sums are of decimals, and divided once: the order of the rows does not matter. A crossed quote is not valid and
-- takes no part in the spread.
WITH placed AS (
    SELECT
        time_us - time_us % $width_us AS open_us,
        bid_price,
        ask_price,
        is_valid,
        issues
    FROM silver.quotes
    WHERE source = $source
        AND market = $market
        AND symbol = $symbol
        AND date BETWEEN $from AND $to
)
SELECT
    open_us,
    sum(CASE WHEN is_valid THEN 1 ELSE 0 END) AS quotes,
    CAST(sum(CASE WHEN is_valid THEN CAST(ask_price - bid_price AS decimal(38, 8)) END) AS double) * 2
        / CAST(sum(CASE WHEN is_valid THEN CAST(ask_price + bid_price AS decimal(38, 8)) END) AS double) AS spread,
    sum(CASE WHEN issues LIKE '%crossed_quote%' THEN 1 ELSE 0 END) AS crossed,
    sum(CASE WHEN is_valid AND ask_price = bid_price THEN 1 ELSE 0 END) AS locked
FROM placed
GROUP BY open_us
ORDER BY open_us
