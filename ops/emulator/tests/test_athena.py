"""Athena's API over the real engine. Needs `python3 -m emulator install --trino`; skips with the reason where that is missing,
fails under MARKET_LAKE_REQUIRE_ALL=1."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import paths
from emulator.app import Emulator
from tests.cloud import Cloud

LAKE = "athena-lake"
OPTIONS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
    "AWS_ALLOW_HTTP": "true",
    "aws_conditional_put": "etag",
}
DAYS = [dt.date(2025, 1, day) for day in (1, 2, 3)]
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
ROWS = 20_000


def price(number: int) -> decimal.Decimal:
    """Prices that do not compress to nothing, to the last digit that the column has."""
    return decimal.Decimal(10**18 + number * 7919 % 1_000_003).scaleb(-18)


HIGH = max(price(number) for number in range(ROWS))


def missing() -> str | None:
    if not paths.trino_ready():
        return "no Trino: run `python3 -m emulator install --trino`"
    try:
        import deltalake  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        return f"{error}: pip install -r requirements-dev.txt"
    return None


@pytest.fixture(scope="module")
def lake(server: Emulator) -> Iterator[Cloud]:
    """A Delta table of two symbols and three days, registered as Terraform does it."""
    reason = missing()
    if reason and os.environ.get("MARKET_LAKE_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    if reason:
        print(f"skipped: {reason}")
        pytest.skip(reason)
    cloud = Cloud(f"http://127.0.0.1:{server.port}")
    cloud.client("s3").create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    cloud.client("glue").create_database(DatabaseInput={"Name": "silver"})
    cloud.client("glue").create_table(DatabaseName="silver", TableInput=table("trades"))
    for day in DAYS:
        for symbol in SYMBOLS:
            append(cloud, symbol, day, 0, ROWS)
    yield cloud
    cloud.close()


def table(name: str) -> dict[str, Any]:
    location = f"s3://{LAKE}/{name}"
    columns = [("id", "bigint"), ("price", "decimal(38,18)"), ("time", "timestamp"), ("time_us", "bigint")]
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "table_type": "DELTA", "spark.sql.sources.provider": "delta"},
        "PartitionKeys": [{"Name": "symbol", "Type": "string"}, {"Name": "date", "Type": "date"}],
        "StorageDescriptor": {
            "Location": location,
            "InputFormat": "org.apache.hadoop.mapred.SequenceFileInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
            "Columns": [{"Name": each, "Type": kind} for each, kind in columns],
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                "Parameters": {"serialization.format": "1", "path": location},
            },
        },
    }


def append(cloud: Cloud, symbol: str, day: dt.date, first: int, rows: int) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    start = int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1_000_000)
    numbers = range(first, first + rows)
    prices = [price(n) for n in numbers]
    times = [start + n * 1001 for n in numbers]
    batch = pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "price": pa.array(prices, pa.decimal128(38, 18)),
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "time_us": pa.array(times, pa.int64()),
            "symbol": pa.array([symbol] * rows),
            "date": pa.array([day] * rows, pa.date32()),
        }
    )
    options = {**OPTIONS, "AWS_ENDPOINT_URL": cloud.endpoint}
    write_deltalake(f"s3://{LAKE}/trades", batch, mode="append", partition_by=["symbol", "date"], storage_options=options)


def start(cloud: Cloud, statement: str, **more: Any) -> str:
    answer = cloud.client("athena").start_query_execution(
        QueryString=statement,
        QueryExecutionContext={"Catalog": "AwsDataCatalog", "Database": "silver"},
        ResultConfiguration={"OutputLocation": f"s3://{LAKE}/athena-results/"},
        **more,
    )
    key: str = answer["QueryExecutionId"]
    return key


def end(cloud: Cloud, key: str) -> dict[str, Any]:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found: dict[str, Any] = cloud.client("athena").get_query_execution(QueryExecutionId=key)["QueryExecution"]
        if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            return found
        time.sleep(0.1)
    raise AssertionError("the statement does not end")


def rows(cloud: Cloud, statement: str, **more: Any) -> tuple[dict[str, Any], list[list[str | None]]]:
    key = start(cloud, statement, **more)
    found = end(cloud, key)
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    pages = cloud.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=key)
    data = [[each.get("VarCharValue") for each in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    return found, data


def test_rows_and_their_csv(lake: Cloud) -> None:
    statement = "SELECT symbol, date, count(*) AS n, max(price) AS high FROM trades GROUP BY 1, 2 ORDER BY 1, 2;"
    found, data = rows(lake, statement)
    assert data[0] == ["symbol", "date", "n", "high"]
    assert data[1] == ["BTCUSDT", "2025-01-01", str(ROWS), str(HIGH)]
    assert len(data) == 7
    bucket, key = found["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").split("/", 1)
    text = lake.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert text.splitlines()[1] == f'"BTCUSDT","2025-01-01","{ROWS}","{HIGH}"'


def test_values_are_written_as_athena_writes_them(lake: Cloud) -> None:
    _, data = rows(
        lake,
        """SELECT 1.50, TIMESTAMP '2025-01-01 01:02:03.456 UTC', DATE '2025-01-01', 1e10, 0.1e0, nan(), infinity(),
           true, ARRAY['a', null], MAP(ARRAY['k'], ARRAY[1]), CAST(null AS varchar), 'say "hi", ok'""",
    )
    wanted = ["1.50", "2025-01-01 01:02:03.456 UTC", "2025-01-01", "1.0E10", "0.1", "NaN", "Infinity"]
    assert data[1] == [*wanted, "true", "[a, null]", "{k=1}", None, 'say "hi", ok']


def test_a_partition_is_a_small_part(lake: Cloud) -> None:
    whole, _ = rows(lake, "SELECT sum(price) FROM trades")
    part, _ = rows(lake, "SELECT sum(price) FROM trades WHERE symbol = 'BTCUSDT' AND date = DATE '2025-01-01'")
    scanned = [each["Statistics"]["DataScannedInBytes"] for each in (whole, part)]
    print(f"bytes scanned: {scanned[0]} whole, {scanned[1]} one partition of six")
    assert 0 < scanned[1] * 4 < scanned[0]


def test_what_is_committed_is_seen_at_once(lake: Cloud) -> None:
    _, before = rows(lake, "SELECT count(*) FROM trades WHERE symbol = 'SOLUSDT'")
    append(lake, "SOLUSDT", DAYS[0], 0, 77)
    _, after = rows(lake, "SELECT count(*) FROM trades WHERE symbol = 'SOLUSDT'")
    assert (before[1], after[1]) == (["0"], ["77"])


def test_parameters(lake: Cloud) -> None:
    _, data = rows(
        lake,
        "SELECT count(*) FROM trades WHERE symbol = ? AND date = ?",
        ExecutionParameters=["'BTCUSDT'", "DATE '2025-01-01'"],
    )
    assert data[1] == [str(ROWS)]


def test_results_come_in_pages(lake: Cloud) -> None:
    statement = "SELECT id FROM trades WHERE id < 2500 AND symbol = 'BTCUSDT' AND date = DATE '2025-01-01' ORDER BY 1"
    _, data = rows(lake, statement)
    assert [row[0] for row in data] == ["id", *map(str, range(2500))]


def test_a_wrong_statement_fails_with_the_place(lake: Cloud) -> None:
    key = start(lake, "SELECT nope FROM trades")
    status = end(lake, key)["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("COLUMN_NOT_FOUND: line 1:8")
    assert status["AthenaError"]["ErrorCategory"] == 2
    with pytest.raises(ClientError, match="Final query state: FAILED"):
        lake.client("athena").get_query_results(QueryExecutionId=key)


def test_the_lake_cannot_be_written(lake: Cloud) -> None:
    status = end(lake, start(lake, "DELETE FROM trades"))["Status"]
    assert status["State"] == "FAILED"
    assert "Access Denied" in status["StateChangeReason"]


def test_over_the_limit_of_the_workgroup(lake: Cloud) -> None:
    configuration = {
        "ResultConfiguration": {"OutputLocation": f"s3://{LAKE}/capped/"},
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 200_000,
    }
    # the client itself refuses less than 10 MB
    unchecked = boto3.client("athena", endpoint_url=lake.endpoint, config=Config(parameter_validation=False))
    unchecked.create_work_group(Name="capped", Configuration=configuration)
    found = end(lake, start(lake, "SELECT max(price), max(time), max(id) FROM trades", WorkGroup="capped"))
    assert found["Status"]["State"] == "CANCELLED"
    reason = found["Status"]["StateChangeReason"]
    assert "Bytes scanned limit was exceeded (workgroup capped allows 200000 bytes a query" in reason
    small, _ = rows(lake, "SELECT count(*) FROM trades WHERE date = DATE '2025-01-01'", WorkGroup="capped")
    assert small["ResultConfiguration"]["OutputLocation"].startswith(f"s3://{LAKE}/capped/")


def test_a_statement_can_be_stopped(lake: Cloud) -> None:
    key = start(lake, "SELECT count(*) FROM trades a CROSS JOIN trades b WHERE a.price + b.price > 3")
    time.sleep(0.5)
    lake.client("athena").stop_query_execution(QueryExecutionId=key)
    assert end(lake, key)["Status"]["State"] == "CANCELLED"


def test_a_state_machine_queries(lake: Cloud) -> None:
    arguments = {
        "QueryString": "SELECT count(*) FROM silver.trades",
        "ResultConfiguration": {"OutputLocation": f"s3://{LAKE}/athena-results/"},
    }
    resource = "arn:aws:states:::athena:startQueryExecution.sync"
    states = {"Query": {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}}
    assert lake.output(states, wait=60)["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
