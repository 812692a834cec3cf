"""Compiled kernels on disk, and what the passes found out about formulas.

    <cache directory>/<first two digits of the key>/<key>.o      magic, digest of the object, the object

A key is the hash of everything the machine code depends on, so an entry never goes stale and can be shared by
users and machines. Entries are written to a temporary file and renamed: any number of processes may start at once.
An entry whose digest does not fit is treated as absent and written anew.

Environment: ANEAR_CACHE names the directory; "off" switches the cache off; a directory that cannot be written is
used read-only.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["cache_directory", "clear_cache", "fetch", "put", "source_digest"]

_MAGIC = b"anear-kernel-1\n"


def cache_directory() -> Path | None:
    """Where compiled kernels are kept; None where ANEAR_CACHE is "off"."""
    named = os.environ.get("ANEAR_CACHE")
    if named is not None:
        return None if named.lower() == "off" else Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "anear" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "anear"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anear"


@cache
def source_digest(package: str) -> str:
    """A hash of the source of one of anear's packages: a changed package never meets what the old one made."""
    folder = Path(__file__).parents[1] / package
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        total.update(path.name.encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def _path(key: str) -> Path | None:
    directory = cache_directory()
    return None if directory is None else directory / key[:2] / f"{key}.o"


def fetch(key: str) -> bytes | None:
    """The object stored under ``key``; None where there is none or it is damaged."""
    path = _path(key)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC)
    if data[:head] != _MAGIC:
        return None
    digest, body = data[head : head + 32], data[head + 32 :]
    return body if hashlib.sha256(body).digest() == digest else None


def put(key: str, body: bytes) -> None:
    """Store an object; failing to (a full or read-only disk) costs a compilation next time, never an error."""
    path = _path(key)
    if path is None:
        return
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).digest() + body)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def clear_cache() -> int:
    """Delete every compiled kernel; returns how many there were."""
    directory = cache_directory()
    if directory is None or not directory.is_dir():
        return 0
    found = [p for p in directory.glob("??/*.o") if len(p.stem) == 64]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
