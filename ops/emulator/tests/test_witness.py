"""What a task calls of S3 is seen under the names that IAM has for it, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from tests.checks_account import bucket
from tests.cloud import Cloud, unique


def client(cloud: Cloud, key: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def test_calls_of_tasks_are_seen(cloud: Cloud) -> None:
    lake, family = bucket(cloud), f"market-lake-{unique('x')}-silver"
    key = "silver/symbol=%E5%B8%81/a b.parquet"
    s3 = client(cloud, family)
    s3.put_object(Bucket=lake, Key=key, Body=b"a")
    assert s3.get_object(Bucket=lake, Key=key)["Body"].read() == b"a"
    s3.head_object(Bucket=lake, Key=key)
    s3.list_objects_v2(Bucket=lake, Prefix="silver/")
    s3.copy_object(Bucket=lake, Key="b", CopySource={"Bucket": lake, "Key": key})
    upload = s3.create_multipart_upload(Bucket=lake, Key="c")["UploadId"]
    s3.abort_multipart_upload(Bucket=lake, Key="c", UploadId=upload)
    answer = s3.delete_objects(Bucket=lake, Delete={"Objects": [{"Key": "b"}, {"Key": key}]})
    # the body was read and is still there for whoever deletes
    assert len(answer["Deleted"]) == 2
    client(cloud, "test").put_object(Bucket=lake, Key="somebody-else", Body=b"a")

    seen = [each for each in cloud.get("calls") if each["bucket"] == lake]
    assert {each["family"] for each in seen} == {family}
    assert [(each["action"].removeprefix("s3:"), each["key"]) for each in seen] == [
        ("AbortMultipartUpload", "c"),
        ("DeleteObject", "b"),
        ("DeleteObject", key),
        ("GetObject", key),
        ("ListBucket", "silver/"),
        ("PutObject", "b"),
        ("PutObject", "c"),
        ("PutObject", key),
    ]
