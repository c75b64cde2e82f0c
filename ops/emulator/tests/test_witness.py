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


def seen(cloud: Cloud, lake: str) -> list[tuple[str, str | None]]:
    """What was called of a bucket: actions and keys."""
    return [(each["action"].removeprefix("s3:"), each["key"]) for each in cloud.get("calls") if each["bucket"] == lake]


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

    assert {each["family"] for each in cloud.get("calls") if each["bucket"] == lake} == {family}
    assert seen(cloud, lake) == [
        ("AbortMultipartUpload", "c"),
        ("DeleteObject", "b"),
        ("DeleteObject", key),
        ("GetObject", key),
        ("ListBucket", "silver/"),
        ("PutObject", "b"),
        ("PutObject", "c"),
        ("PutObject", key),
    ]


def test_who_names_a_version_needs_another_permission(cloud: Cloud) -> None:
    lake = bucket(cloud)
    cloud.client("s3").put_bucket_versioning(Bucket=lake, VersioningConfiguration={"Status": "Enabled"})
    s3 = client(cloud, f"market-lake-{unique('x')}-silver")
    one, two, three = (s3.put_object(Bucket=lake, Key=key, Body=b"a")["VersionId"] for key in ("a/1", "a/2", "a/3"))
    assert s3.get_object(Bucket=lake, Key="a/1", VersionId=one)["Body"].read() == b"a"
    s3.head_object(Bucket=lake, Key="a/2", VersionId=two)
    s3.copy_object(Bucket=lake, Key="b", CopySource={"Bucket": lake, "Key": "a/3", "VersionId": three})
    s3.delete_object(Bucket=lake, Key="a/1", VersionId=one)
    s3.delete_objects(Bucket=lake, Delete={"Objects": [{"Key": "a/2", "VersionId": two}, {"Key": "a/3"}]})

    assert [each for each in seen(cloud, lake) if each[0] != "PutObject"] == [
        ("DeleteObject", "a/3"),
        ("DeleteObjectVersion", "a/1"),
        ("DeleteObjectVersion", "a/2"),
        ("GetObjectVersion", "a/1"),
        ("GetObjectVersion", "a/2"),
        ("GetObjectVersion", "a/3"),
    ]
