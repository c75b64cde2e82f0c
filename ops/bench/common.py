"""What the peers' scripts share: unpacking archives and the columns of a trades file."""

import pathlib
import shutil
import sys
import zipfile

COLUMNS = {
    "trade_id": "BIGINT",
    "price": "DECIMAL(18,8)",
    "quantity": "DECIMAL(28,8)",
    "quote_quantity": "DECIMAL(28,8)",
    "time": "BIGINT",
    "is_buyer_maker": "BOOLEAN",
    "is_best_match": "BOOLEAN",
}


def arguments() -> tuple[pathlib.Path, list[pathlib.Path], bool]:
    """OUT ZIP… [--keep-duplicates]: the output folder, the archives, whether to deduplicate."""
    words = sys.argv[1:]
    dedup = "--keep-duplicates" not in words
    words = [word for word in words if not word.startswith("--")]
    if len(words) < 2:
        sys.exit(f"usage: {sys.argv[0]} OUT ZIP… [--keep-duplicates]")
    out = pathlib.Path(words[0])
    out.mkdir(parents=True, exist_ok=True)
    return out, [pathlib.Path(word) for word in words[1:]], dedup


def unpack(archive: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Unpacks the one CSV of an archive into a folder (zlib works outside of Python's lock)."""
    with zipfile.ZipFile(archive) as zipped:
        member = zipped.namelist()[0]
        target = folder / member
        with zipped.open(member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    return target


def micros_unit(csv: pathlib.Path) -> int:
    """The factor from a file's times to microseconds, from the digits of its first row."""
    with csv.open() as lines:
        return 1 if len(lines.readline().split(",")[4]) == 16 else 1000
