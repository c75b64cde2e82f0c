"""Archives of trades to Parquet with Polars: one file an archive, two at a time."""

import concurrent.futures
import os
import pathlib
import tempfile

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import polars as pl

from common import arguments, micros_unit, unpack

SCHEMA = {
    "trade_id": pl.Int64,
    "price": pl.Decimal(18, 8),
    "quantity": pl.Decimal(28, 8),
    "quote_quantity": pl.Decimal(28, 8),
    "time": pl.Int64,
    "is_buyer_maker": pl.String,
    "is_best_match": pl.String,
}


def convert(archive, out, folder, dedup):
    """One archive: unpack, type, deduplicate, sort, write."""
    csv = unpack(archive, folder)
    time_us = pl.col("time") * micros_unit(csv)
    rows = pl.scan_csv(csv, has_header=False, schema=SCHEMA).select(
        "trade_id",
        time_us.cast(pl.Datetime("us", "UTC")).alias("time"),
        time_us.alias("time_us"),
        "price",
        "quantity",
        "quote_quantity",
        pl.col("is_buyer_maker") == "True",
        pl.col("is_best_match") == "True",
    )
    if dedup:
        rows = rows.unique("trade_id", keep="first", maintain_order=False).sort("trade_id")
    target = out / (archive.stem + ".parquet")
    rows.sink_parquet(target, compression="zstd", compression_level=1, row_group_size=1 << 20)
    csv.unlink()


def main():
    """All archives, two at a time, on two threads."""
    out, archives, dedup = arguments()
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        jobs = [
            pool.submit(convert, archive, out, pathlib.Path(folder), dedup)
            for archive in archives
        ]
        for job in jobs:
            job.result()


if __name__ == "__main__":
    main()
