"""Parquet and Arrow files (also called feather): columns of numbers, or one column of vectors. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from anear.data.columns import Columns, Gathered, choose, need
from anear.data.dataset import Dataset, Request
from anear.data.files import Meter
from anear.data.formats import Format
from anear.errors import AnearError, FileFormatError

__all__ = ["FORMATS"]

# Values in a batch: what Ctrl-C may have to wait for.
_BATCH = 1 << 20

# The schema, the number of rows (0: not told), and what yields the batches once the columns are chosen.
_Opened: TypeAlias = tuple[Any, int, Callable[[Columns], Iterator[Any]]]


def _read(opener: Callable[[Any, Request], _Opened], request: Request) -> Dataset:
    """Read batch by batch; whatever Arrow says of a damaged file becomes an error that names the file."""
    arrow = need("pyarrow", f"reading {request.path}")
    try:
        schema, count, batches = opener(arrow, request)
        columns = choose(schema, request)
        gathered = Gathered(columns, request)
        meter = Meter(request.progress, max(count, 1), request.path.name)
        for batch in batches(columns):
            batch.validate(full=True)
            gathered.add(batch)
            meter.show(len(gathered))
            if gathered.full:
                break
        return gathered.dataset()
    except AnearError:
        raise
    except (arrow.ArrowException, OSError, MemoryError, OverflowError, ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{request.path}: {str(error) or type(error).__name__}") from None


def _parquet(arrow: Any, request: Request) -> _Opened:
    file = need("pyarrow.parquet", f"reading {request.path}").ParquetFile(str(request.path))
    schema = file.schema_arrow
    repeated = {name for name in schema.names if schema.names.count(name) > 1}
    if repeated:
        raise FileFormatError(f"{request.path}: has several columns of the name {min(repeated)!r}")

    def batches(columns: Columns) -> Iterator[Any]:
        wide = 1000 if columns.vectors else len(columns.used)
        used = [columns.names[index] for index in columns.used]
        yield from file.iter_batches(max(1, _BATCH // wide), columns=used)

    return schema, file.metadata.num_rows, batches


def _arrow_file(arrow: Any, request: Request) -> _Opened:
    with request.path.open("rb") as file:
        start = file.read(6)
    source = arrow.memory_map(str(request.path))
    if start == b"ARROW1":
        reader = arrow.ipc.open_file(source)

        def batches(columns: Columns) -> Iterator[Any]:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number).select(columns.used)

        return reader.schema, 0, batches
    stream = arrow.ipc.open_stream(source)
    return stream.schema, 0, lambda columns: (batch.select(columns.used) for batch in stream)


FORMATS = (
    Format(
        "parquet",
        "Parquet: columns of numbers, or a column of vectors",
        (".parquet", ".pq"),
        partial(_read, _parquet),
        lambda first: first.startswith(b"PAR1"),
        keys="column",
        labelled=True,
        gzip=False,
    ),
    Format(
        "arrow",
        "Arrow files and streams, feather: columns of numbers, or a column of vectors",
        (".arrow", ".arrows", ".feather", ".ipc"),
        partial(_read, _arrow_file),
        lambda first: first.startswith((b"ARROW1", b"\xff\xff\xff\xff")),
        keys="column",
        labelled=True,
        gzip=False,
    ),
)
