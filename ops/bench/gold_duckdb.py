"""Bars of all timeframes from Parquet of trades with DuckDB: the 1m bars from the trades, the
others from the 1m bars. Reads what silver wrote; writes one Parquet file a timeframe."""

import pathlib
import sys

import duckdb

FROM_TRADES = """
    CREATE TABLE bars_1m AS
    SELECT time_us // 60000000 * 60000000 AS open_us,
           arg_min(price, trade_id) AS open, max(price) AS high, min(price) AS low,
           arg_max(price, trade_id) AS close,
           sum(quantity) AS volume, sum(quote_quantity) AS quote_volume,
           count(*) AS trade_count,
           sum(quantity) FILTER (NOT is_buyer_maker) AS taker_buy_volume,
           sum(quote_quantity) FILTER (NOT is_buyer_maker) AS taker_buy_quote_volume
    FROM read_parquet($files) WHERE is_valid GROUP BY ALL
"""
ROLL_UP = """
    SELECT open_us // {us} * {us} AS open_us,
           arg_min(open, open_us) AS open, max(high) AS high, min(low) AS low,
           arg_max(close, open_us) AS close,
           sum(volume) AS volume, sum(quote_volume) AS quote_volume,
           sum(trade_count) AS trade_count,
           sum(taker_buy_volume) AS taker_buy_volume,
           sum(taker_buy_quote_volume) AS taker_buy_quote_volume,
           sum(quote_volume)::double / sum(volume)::double AS vwap
    FROM bars_1m GROUP BY 1 ORDER BY 1
"""
MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}


def main():
    """OUT FILE…: the bars of one symbol."""
    out, files = pathlib.Path(sys.argv[1]), sys.argv[2:]
    out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(FROM_TRADES, {"files": files})
    for name, minutes in MINUTES.items():
        rows = ROLL_UP.format(us=minutes * 60_000_000)
        connection.execute(
            f"COPY ({rows}) TO '{out / name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )


if __name__ == "__main__":
    main()
