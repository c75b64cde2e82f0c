"""Archives of trades to Parquet with DuckDB: one file an archive, two at a time."""

import concurrent.futures
import tempfile
import pathlib

import duckdb

from common import COLUMNS, arguments, micros_unit, unpack


def convert(connection, archive, out, folder, dedup):
    """One archive: unpack, type, deduplicate, sort, write."""
    csv = unpack(archive, folder)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    rows = f"""
        SELECT trade_id, make_timestamptz(time * {micros_unit(csv)}) AS time,
               time * {micros_unit(csv)} AS time_us, price, quantity, quote_quantity,
               is_buyer_maker, is_best_match
        FROM read_csv('{csv}', header = false, columns = {{{columns}}})
    """
    if dedup:
        rows = f"SELECT DISTINCT ON (trade_id) * FROM ({rows}) ORDER BY trade_id"
    target = out / (archive.stem + ".parquet")
    connection.execute(
        f"COPY ({rows}) TO '{target}' "
        "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 1048576)"
    )
    csv.unlink()


def main():
    """All archives, two at a time, on two threads."""
    out, archives, dedup = arguments()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        jobs = [
            pool.submit(
                convert, connection.cursor(), archive, out, pathlib.Path(folder), dedup
            )
            for archive in archives
        ]
        for job in jobs:
            job.result()


if __name__ == "__main__":
    main()
