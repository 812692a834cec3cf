"""An index in one file: a safetensors container with checksums. Nothing in a file is executed.

    metadata          format, version, formula text, the distance's name and numbers, storage type, method, its options,
                      and what was promised of its recall
    points            the raw rows: coordinates, then fields; or, among the metadata, the file in which they lie
    method.<name>     what the method is made again from without being built; see Method::parts in the core. Graphs have
                      their links and, where these are not the raw rows, the prepared ones; trees the order of the
                      points. Other methods have none: preparing again costs less than reading
    ids               what the points are called, where not by their row numbers: int64, or code points of texts; and
    alive             for each point 1, or 0 where it was removed, where one was
    array.<name>      what the formula captured
    parameter.<name>  the named distance's vectors and matrices

Whatever a file's numbers are, checksums fitting or not, an index made of them never reads memory that is not its own.
Version 1 had no parts of methods, which are then built again, and one checksum an array. Of version 3 are files whose
points lie elsewhere, all others of version 2.

A file is written beside its destination, synced and renamed, so a failed save leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.data.types.dense import STORAGE_TYPES
from anear.errors import AnearError, ArgumentError, FileFormatError
from anear.formula.hoist import fields
from anear.formula.parse import formula
from anear.formula.shapes import lengths
from anear.formula.show import unbind
from anear.index.arguments import file_path, flag, threads
from anear.index.container import Content, read, write
from anear.index.elsewhere import refer, referred
from anear.index.ids import stored_ids
from anear.index.methods import Stored, checked_options
from anear.index.promise import promise_from_text
from anear.spaces.lookup import resolve
from anear.spaces.space import Resolved

if TYPE_CHECKING:
    from anear.index.index import Index

__all__ = ["dumps", "load", "loads", "save"]

FORMAT: Final = "anear-index"
VERSIONS: Final = ("1", "2", "3")
_METHOD: Final = "method."
_KEYS: Final = ("storage", "dimension", "formula", "distance", "method", "checks")


def save(index: Index, path: str | os.PathLike[str], points: str | os.PathLike[str] | None = None) -> None:
    """Write ``index`` to ``path``; see :meth:`Index.save`."""
    target = file_path(path)
    elsewhere = None if points is None else file_path(points, "points")
    try:
        with index._changes.alone(), _replacing(target) as file:
            write(file, *_parts(index, None if elsewhere is None else refer(index._rows, elsewhere, target)))
    except OSError as error:
        if error.filename is not None:
            raise
        reason = error.strerror or str(error)
        raise OSError(
            error.errno or errno.EIO, f"the index cannot be saved, and what was there is as it was: {reason}", target
        ) from error


def load(
    path: str | os.PathLike[str],
    *,
    num_threads: int | None = None,
    mmap: bool = False,
    points: str | os.PathLike[str] | None = None,
) -> Index:
    """Open an index that ``Index.save`` wrote.

    Parameters
    ----------
    path : the file.
    num_threads : for preparing the points; None: as many as the process may use.
    mmap : leave the arrays on disk and have the system fetch what a search looks at. A graph is then open in
        milliseconds, whatever its size; flat search and trees keep a prepared form of the points in memory besides.
        Of arrays of more than 1 MB the checksums are not compared but by :meth:`Index.verify`: damage in them can cost
        a graph answers until then, never more. The file must not change while the index lives; saving over it is no
        change, as the new file takes the old one's name and not its place.
    points : where the .npy file of the points is now, if the index was saved with one and it has moved since.

    Raises
    ------
    FileFormatError
        Where the file is not such an index, is of a newer version, cut short or damaged; the message says which.
        Files of all versions so far are read; graphs of version 1 are built again.
    FileNotFoundError
        Where there is no such file.

    Examples
    --------
    >>> import numpy as np, tempfile, os
    >>> from anear import Index
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     name = os.path.join(folder, "points.anear")
    ...     Index(np.eye(3), "manhattan").save(name)
    ...     load(name).search([1.0, 0.0, 0.1], k=1).ids
    array([0])
    """
    name, team, on_disk = file_path(path), threads(num_threads), flag(mmap, "mmap")
    moved = None if points is None else file_path(points, "points")
    if not os.path.exists(name):
        raise FileNotFoundError(errno.ENOENT, "there is no such file", name)
    if not os.path.isfile(name):
        raise FileFormatError(f"{name} is not a file")
    with open(name, "rb") as file:
        try:
            return _read(file, team, on_disk, os.path.dirname(os.path.realpath(name)), moved)
        except FileFormatError as error:
            raise FileFormatError(f"{name} cannot be opened as an index: {error}") from error.__cause__


def dumps(index: Index) -> bytes:
    """The bytes that ``save`` would write."""
    file = io.BytesIO()
    with index._changes.alone():
        write(file, *_parts(index))
    return file.getvalue()


def loads(data: bytes) -> Index:
    """The index that ``dumps`` made the bytes of."""
    return _read(io.BytesIO(data), 0, False, "", None)


def _parts(index: Index, points: str | None = None) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The arrays and texts that an index is made again from; ``points``: what is said of where its points lie."""
    resolved = index._resolved
    text, captured = unbind(resolved.expr)
    try:
        same = formula(text, **captured) is resolved.expr
    except AnearError as error:
        raise ArgumentError(
            f"the index cannot be saved: its formula, as text, cannot be read again: {error}"
        ) from error
    if not same:
        raise ArgumentError(f"the index cannot be saved: its formula, as text, reads as another one: {text[:200]}")
    given = {name: value for name, value in resolved.params.items() if value is not None}
    numbers = {name: value for name, value in given.items() if isinstance(value, float)}
    stored = index._built.stored()
    if len(index) == 0:
        raise ArgumentError("the index cannot be saved: all of its points were removed")
    arrays = ({"points": index._rows} if points is None else {}) | ({} if index._ids is None else index._ids.arrays())
    arrays |= {f"{_METHOD}{name}": part for name, part in stored.arrays.items()}
    arrays |= {f"array.{name}": _plain(value) for name, value in captured.items()}
    arrays |= {f"parameter.{name}": _plain(value) for name, value in given.items() if name not in numbers}
    texts = {
        "format": FORMAT,
        "version": "2" if points is None else "3",
        "storage": index._space.storage,
        "dimension": str(index.dimension),
        "formula": text,
        "distance": json.dumps([resolved.name, numbers]),
        "method": index._method,
        "options": json.dumps(index._options),
        "prepared": stored.form,
        "checks": json.dumps([index._check_domain, index._allow_nan]),
    }
    if points is not None:
        texts["points"] = points
    if index._promise is not None:
        texts["promise"] = index._promise.to_text()
    return arrays, texts


def _plain(values: Any) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(values, np.float64)


@contextlib.contextmanager
def _replacing(target: str) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``target`` when all went well, and leaves no trace when not."""
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder)
    if os.path.exists(target) and not os.path.isfile(target):
        raise ArgumentError(f"path is {target!r}, which exists and is not a file; allowed: the name of a file")
    temporary = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name == "posix":
        with contextlib.suppress(OSError):  # some file systems cannot
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _read(file: IO[bytes], team: int, mmap: bool, folder: str, moved: str | None) -> Index:
    content = read(file, FORMAT, VERSIONS, mmap)
    missing = [key for key in _KEYS if key not in content.texts]
    if missing:
        raise FileFormatError(f"the header lacks {', '.join(missing)}")
    elsewhere = content.texts.get("points")
    if moved is not None and elsewhere is None:
        raise ArgumentError(f"points is {moved!r}, but the file holds its points itself")
    try:
        if elsewhere is not None:
            content.arrays["points"], unchecked = referred(elsewhere, folder, moved, mmap)
            content = replace(content, unchecked=(*content.unchecked, *unchecked))
        return _made(content, team, mmap)
    except FileFormatError:
        raise
    except (AnearError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise FileFormatError(f"it does not make sense: {error}") from error


def _made(content: Content, team: int, mmap: bool) -> Index:
    from anear.index.index import Index

    texts, arrays = content.texts, content.arrays
    method, options = texts["method"], json.loads(texts.get("options", "{}"))
    rows, dimension = _stored(arrays.pop("points"), texts["storage"]), int(texts["dimension"])
    resolved = _resolved(texts, arrays)
    width = dimension + sum(length or 1 for _, length in fields(resolved.expr, "point"))
    if rows.ndim != 2 or dimension < 1 or rows.shape[1] != width or len(rows) == 0:
        raise FileFormatError(f"the points have shape {rows.shape}, but the header asks for {width} columns")
    lengths(resolved.expr, dimension)  # says where a formula does not fit points of so many coordinates
    index = Index.__new__(Index)
    index._resolved = resolved
    index._check_domain, index._allow_nan = (flag(value, "checks") for value in json.loads(texts["checks"]))
    index._method, index._options = method, checked_options(method, options)
    index._keep(rows, dimension)
    index._ids = stored_ids(arrays, len(rows))
    parts = _under(_METHOD, arrays)
    index._build(team, None, Stored(parts, texts.get("prepared", ""), not mmap) if parts else None)
    index._leave_out_dead()
    index._unchecked = content.unchecked
    index._promise = promise_from_text(texts["promise"]) if "promise" in texts else None
    return index


def _stored(rows: npt.NDArray[Any], storage: str) -> npt.NDArray[Any]:
    if storage not in STORAGE_TYPES:
        raise FileFormatError(f"the storage type is {storage!r}; allowed: {', '.join(STORAGE_TYPES)}")
    if storage_name(rows) != storage:
        raise FileFormatError(f"the points are {storage_name(rows)}, but the header says {storage}")
    return rows


def _resolved(texts: Mapping[str, str], arrays: Mapping[str, npt.NDArray[Any]]) -> Resolved:
    """The distance: by its name where the name still means the stored formula, else the formula alone."""
    expr = formula(texts["formula"], **_under("array.", arrays))
    name, numbers = json.loads(texts["distance"])
    if name is not None:
        try:
            named = resolve(name, **numbers, **_under("parameter.", arrays))
        except AnearError:
            return resolve(expr)
        if named.expr is expr:
            return named
    return resolve(expr)


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
