"""What tasks call of S3, as IAM names it: the one place here where it is known who calls.

A task signs with the name of its family (`cloud run-tasks` gives it that as its access key), everybody else with
another one. What a task has called can be held against what its role may: `cargo xtask prove` does.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

SIGNED = re.compile(r"Credential=(market-lake-[a-z0-9-]+)/[0-9]+/[a-z0-9-]+/s3/")
# who, the action, the bucket, and the key or, of a listing, the prefix; None where it names none
Seen = tuple[str, str, str, str | None]


class Witness:
    """A WSGI application in front of moto's, which looks and changes nothing."""

    def __init__(self, moto: Callable[..., Any]) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        self._seen: set[Seen] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        signed = SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
        if signed:
            seen = {(signed[1], *call) for call in calls(environ)}
            with self._lock:
                self._seen |= seen
        return self._moto(environ, start_response)

    def seen(self) -> list[dict[str, str | None]]:
        """Every call that was ever made, once, in order."""
        with self._lock:
            seen = sorted(self._seen, key=lambda each: tuple(part or "" for part in each))
        names = ("family", "action", "bucket", "key")
        return [dict(zip(names, each, strict=True)) for each in seen]


def calls(environ: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """The actions that IAM would judge for a request: the action, the bucket, the key or prefix."""
    method = environ["REQUEST_METHOD"]
    bucket, _, key = environ["PATH_INFO"].encode("latin-1").decode().lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not key:
        if method == "POST" and "delete" in query:
            yield from ((action, bucket, each) for action, each in deleted(environ))
        else:
            yield "s3:ListBucket", bucket, query.get("prefix", [None])[0]
        return
    # who names a version needs another permission than who takes the newest
    version = "Version" if "versionId" in query else ""
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE")
    if source:
        path, _, copied_version = source.partition("?versionId=")
        other, _, copied = unquote(path).lstrip("/").partition("/")
        yield "s3:GetObjectVersion" if copied_version else "s3:GetObject", other, copied
    if method in ("GET", "HEAD"):
        yield f"s3:GetObject{version}", bucket, key
    elif method == "DELETE":
        yield "s3:AbortMultipartUpload" if "uploadId" in query else f"s3:DeleteObject{version}", bucket, key
    else:
        yield "s3:PutObject", bucket, key


def deleted(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The actions and keys of a request that deletes many; its body is put back."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    for each in ElementTree.fromstring(body).iter():
        if each.tag.endswith("Object"):
            # names stand in S3's namespace, or in none
            parts = {part.tag.rpartition("}")[2]: part.text or "" for part in each}
            yield "s3:DeleteObjectVersion" if parts.get("VersionId") else "s3:DeleteObject", parts.get("Key", "")
