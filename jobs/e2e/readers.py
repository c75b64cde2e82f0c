"""Opens the tables of a lake with other engines and prints, as JSON, what each one counts and sums.

usage: readers.py LAKE

Prints {"table": {"engine": [rows, sum]}}. Sums are decimal text with eight decimals, so that nothing
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


def text(value) -> str:
    """A decimal with eight decimals."""
    return f"{decimal.Decimal(value):.8f}"


def by_deltalake(path, column):
    """delta-rs and pyarrow."""
    table = deltalake.DeltaTable(str(path)).to_pyarrow_table(columns=[column])
    values = pyarrow.compute.cast(table[column], pyarrow.decimal128(38, 8))
    return [table.num_rows, text(pyarrow.compute.sum(values).as_py())]


def by_polars(path, column):
    """Polars' own Delta reader."""
    frame = polars.scan_delta(str(path)).select(
        polars.len().alias("rows"), polars.col(column).cast(polars.Decimal(38, 8)).sum()
    )
    rows, total = frame.collect().row(0)
    return [rows, text(total)]


def by_duckdb(path, column):
    """DuckDB over the files that the log says are live."""
    files = deltalake.DeltaTable(str(path)).file_uris()
    connection = duckdb.connect()
    rows, total = connection.execute(
        f"SELECT count(*), sum({column}) FROM read_parquet($files, hive_partitioning = true)",
        {"files": files},
    ).fetchone()
    return [rows, text(total)]


def main():
    """All tables, all engines."""
    decimal.getcontext().prec = 60
    lake = pathlib.Path(sys.argv[1])
    found = {}
    for table, column in TABLES.items():
        path = lake / table.replace(".", "/")
        found[table] = {
            "deltalake": by_deltalake(path, column),
            "polars": by_polars(path, column),
            "duckdb": by_duckdb(path, column),
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
