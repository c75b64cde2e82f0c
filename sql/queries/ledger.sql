-- purpose: what the lake fetched of a symbol, every version, the latest first
-- grain: one row a fetched version of an archive
-- param: source text = binance "the provider"
-- param: symbol text = '' "the instrument; empty: all"
-- param: status text = '' "one status only, such as corrupt; bad: all but ok; empty: all"
-- param: top int = 100 "how many versions"
SELECT
    unit,
    status,
    detail,
    bytes,
    sha256,
    last_modified,
    fetched_at,
    run
FROM bronze.archives
WHERE source = :source
    AND (:symbol = '' OR symbol = :symbol)
    AND (:status = '' OR status = :status OR (:status = 'bad' AND status <> 'ok'))
ORDER BY fetched_at DESC, unit
LIMIT :top
