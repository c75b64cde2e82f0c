"""Conditional writes that race."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from tests.cloud import Cloud, unique

ROUNDS = 20
RACERS = 16


def test_one_of_many_racers_is_first(cloud: Cloud) -> None:
    bucket = unique("races")
    client = cloud.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            line = threading.Barrier(RACERS)

            def race(racer: int, key: str = f"commit/{number}.json", line: threading.Barrier = line) -> bool:
                line.wait()
                try:
                    client.put_object(Bucket=bucket, Key=key, Body=str(racer).encode(), IfNoneMatch="*")
                except ClientError as error:
                    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412
                    return False
                return True

            assert sum(pool.map(race, range(RACERS))) == 1
