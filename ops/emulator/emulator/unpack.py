"""Unpack what the lake needs of a Trino server's archive: 255 MB instead of 1.6 GB.

The archive stores a jar that several plugins share once and as hard links elsewhere. A file that is kept and whose
link points into a plugin that is left out gets that target's bytes.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

KEPT = ("lib/", "plugin/delta-lake/")
# never loaded for S3 + Glue + Parquet
LEFT_OUT = ("plugin/delta-lake/hdfs/", "plugin/delta-lake/org.rocksdb_")


def kept(name: str) -> bool:
    """Whether a name, relative to the server's folder, is unpacked."""
    return name.startswith(KEPT) and not name.startswith(LEFT_OUT)


def unpack(archive: Path, target: Path, version: str) -> None:
    """Unpack `archive` into `target`. Two passes: links may stand before what they point to."""
    root = f"trino-server-{version}/"
    links: dict[str, list[str]] = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = member.name.removeprefix(root)
            if member.islnk() and kept(name):
                links.setdefault(member.linkname.removeprefix(root), []).append(name)
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            name = member.name.removeprefix(root)
            if not member.isreg() or member.islnk():
                continue
            names = ([name] if kept(name) else []) + links.get(name, [])
            if names:
                _write(tar, member, [target / each for each in names])


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, places: list[Path]) -> None:
    source = tar.extractfile(member)
    assert source is not None, "a regular file has contents"
    first, *others = places
    first.parent.mkdir(parents=True, exist_ok=True)
    with first.open("wb") as out:
        while block := source.read(1 << 20):
            out.write(block)
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        os.link(first, other)
