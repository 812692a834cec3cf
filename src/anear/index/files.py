"""An index in one file: a safetensors container (JSON header, raw arrays) that any reader of that format can open.

    header: format, version, formula text, the distance's name and numbers, storage type, a checksum of each array
    points            the raw rows: coordinates, then fields
    array.<name>      what the formula captured

The prepared form is not stored: making it again costs less than reading it. A file is written beside its
destination, synced and renamed, so a failed save leaves the old file as it was. Nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.types.dense import BFLOAT16_BITS, STORAGE_TYPES
from anear.errors import AnearError, ArgumentError, FileFormatError
from anear.formula.hoist import fields
from anear.formula.parse import formula
from anear.formula.show import unbind
from anear.spaces.lookup import resolve
from anear.spaces.space import Resolved

if TYPE_CHECKING:
    from anear.index.index import Index

__all__ = ["load", "save"]

FORMAT: Final = "anear-index"
VERSION: Final = "1"
_KEYS: Final = ("version", "storage", "dimension", "formula", "distance", "method", "checks", "crc32")


def save(index: Index, path: str | os.PathLike[str]) -> None:
    """Write ``index`` to ``path``; see :meth:`Index.save`."""
    from safetensors.numpy import save as to_bytes

    text, captured = unbind(index._resolved.expr)
    tensors = {"points": _plain(index._rows)} | {f"array.{name}": value for name, value in captured.items()}
    resolved = index._resolved
    numbers = {k: v for k, v in resolved.params.items() if isinstance(v, float)}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "storage": index._space.storage,
        "dimension": str(index.dimension),
        "formula": text,
        "distance": json.dumps([resolved.name, numbers]),
        "method": "flat",
        "checks": json.dumps([index._check_domain, index._allow_nan]),
        "crc32": json.dumps({name: zlib.crc32(np.ascontiguousarray(t).data) for name, t in tensors.items()}),
    }
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(to_bytes(tensors, metadata=header))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def load(path: str | os.PathLike[str], *, num_threads: int | None = None) -> Index:
    """Open an index that ``Index.save`` wrote.

    Parameters
    ----------
    path : the file.
    num_threads : for preparing the points; None: as many as the process may use.

    Raises
    ------
    FileFormatError
        Where the file is not such an index, is of a newer version, cut short or damaged; the message says which.

    Examples
    --------
    >>> import numpy as np, tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     name = os.path.join(folder, "points.anear")
    ...     Index(np.eye(3), "manhattan").save(name)
    ...     load(name).search([1.0, 0.0, 0.1], k=1).ids
    array([0])
    """
    header, tensors = _read(Path(path))
    try:
        return _rebuild(header, tensors, num_threads)
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except (AnearError, KeyError, ValueError, TypeError) as error:
        raise FileFormatError(f"{path}: the header does not make sense: {error}") from error


def _read(path: Path) -> tuple[Mapping[str, str], dict[str, npt.NDArray[Any]]]:
    """Header and arrays, their checksums compared."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise FileFormatError(f"{path} is not an anear index (its format is {header.get('format')!r})")
            if header.get("version") != VERSION:
                raise FileFormatError(f"{path} is of version {header.get('version')!r}; this anear reads {VERSION!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"{path} cannot be read as an anear index: {error}") from error
    missing = [key for key in _KEYS if key not in header]
    if missing:
        raise FileFormatError(f"{path}: the header lacks {', '.join(missing)}")
    try:
        sums = dict(json.loads(header["crc32"]))
    except (ValueError, TypeError):
        raise FileFormatError(f"{path}: the header's checksums cannot be read") from None
    for name, tensor in tensors.items():
        if sums.get(name) != zlib.crc32(np.ascontiguousarray(tensor).data):
            raise FileFormatError(f"{path} is damaged: the checksum of {name!r} does not fit")
    if set(sums) != set(tensors):
        raise FileFormatError(f"{path} is damaged: it holds {sorted(tensors)}, its header says {sorted(sums)}")
    return header, tensors


def _rebuild(header: Mapping[str, str], tensors: dict[str, npt.NDArray[Any]], num_threads: int | None) -> Index:
    from anear.index.index import Index
    from anear.index.objects import thread_count

    storage, dimension = header["storage"], int(header["dimension"])
    rows = _stored(tensors.pop("points"), storage)
    captured = {name.removeprefix("array."): value for name, value in tensors.items()}
    resolved = _resolved(header, captured)
    width = dimension + sum(length or 1 for _, length in fields(resolved.expr, "point"))
    if rows.ndim != 2 or dimension < 1 or rows.shape[1] != width or len(rows) == 0:
        raise FileFormatError(f"the points have shape {rows.shape}, but the header asks for {width} columns")
    index = Index.__new__(Index)
    index._resolved = resolved
    index._check_domain, index._allow_nan = (bool(v) for v in json.loads(header["checks"]))
    index._build(rows, dimension, thread_count(num_threads), None)
    return index


def _resolved(header: Mapping[str, str], captured: dict[str, npt.NDArray[Any]]) -> Resolved:
    """The distance: by its name where the name still means the stored formula, else the formula alone."""
    expr = formula(header["formula"], **captured)
    name, numbers = json.loads(header["distance"])
    if name is not None:
        try:
            named = resolve(name, **numbers)
        except ArgumentError:
            return resolve(expr)
        if named.expr is expr:
            return named
    return resolve(expr)


def _plain(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return rows if rows.dtype.kind in "fiu" and rows.dtype != "bfloat16" else rows.view(np.uint16)


def _stored(rows: npt.NDArray[Any], storage: str) -> npt.NDArray[Any]:
    if storage not in STORAGE_TYPES:
        raise FileFormatError(f"the storage type is {storage!r}; allowed: {', '.join(STORAGE_TYPES)}")
    if storage == "bfloat16":
        if rows.dtype != np.uint16:
            raise FileFormatError(f"bfloat16 points must be stored as uint16, not {rows.dtype}")
        return rows.view(BFLOAT16_BITS)
    if rows.dtype != storage:
        raise FileFormatError(f"the points are {rows.dtype}, but the header says {storage}")
    return rows


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
