"""Opens the tables of a lake with other engines and prints, as JSON, what each one counts and sums.

usage: readers.py LAKE

Prints {"table": {"engine": [rows, sum]}, "table SYMBOL": …}, the latter for the rows of one symbol,
whose folder's name is encoded. Sums are decimal text with eight decimals, so that nothing
is lost on the way. Read by tests/readers.rs, which compares them with our own answers.
"""

import decimal
import json
import pathlib
import sys

import deltalake
import duckdb
import polars
import pyarrow.compute

TABLES = {
    "silver.trades": "quantity",
    "silver.agg_trades": "quantity",
    "silver.klines": "volume",
    "gold.bars": "volume",
    "gold.daily": "volume",
}
SYMBOL = "币安人生USDT"


def text(value) -> str:
    """A decimal with eight decimals."""
    return f"{decimal.Decimal(value):.8f}"


def by_deltalake(path, column, symbol):
    """delta-rs and pyarrow."""
    chosen = [("symbol", "=", symbol)] if symbol else None
    table = deltalake.DeltaTable(str(path)).to_pyarrow_table(partitions=chosen, columns=[column])
    values = pyarrow.compute.cast(table[column], pyarrow.decimal128(38, 8))
    return [table.num_rows, text(pyarrow.compute.sum(values).as_py())]


def by_polars(path, column, symbol):
    """Polars' own Delta reader."""
    frame = polars.scan_delta(str(path))
    if symbol:
        frame = frame.filter(polars.col("symbol") == symbol)
    frame = frame.select(
        polars.len().alias("rows"), polars.col(column).cast(polars.Decimal(38, 8)).sum()
    )
    rows, total = frame.collect().row(0)
    return [rows, text(total)]


def by_duckdb(path, column, symbol):
    """DuckDB over the files that the log says are live; values of partitions from their folders."""
    files = deltalake.DeltaTable(str(path)).file_uris()
    connection = duckdb.connect()
    only = "WHERE symbol = $symbol" if symbol else ""
    rows, total = connection.execute(
        f"SELECT count(*), sum({column}) FROM read_parquet($files, hive_partitioning = true) {only}",
        {"files": files} | ({"symbol": symbol} if symbol else {}),
    ).fetchone()
    return [rows, text(total)]


def main():
    """All tables, all engines."""
    decimal.getcontext().prec = 60
    lake = pathlib.Path(sys.argv[1])
    found = {}
    for table, column in TABLES.items():
        path = lake / table.replace(".", "/")
        for symbol in ("", SYMBOL):
            found[f"{table} {symbol}".strip()] = {
                "deltalake": by_deltalake(path, column, symbol),
                "polars": by_polars(path, column, symbol),
                "duckdb": by_duckdb(path, column, symbol),
            }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
