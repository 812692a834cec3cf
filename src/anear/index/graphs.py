"""What proximity graphs are built with: points as prepared rows, and as the queries they are while a graph grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.codegen.layout import STORAGE_BYTES, Layout
from anear.codegen.rows import row_layout
from anear.data.types.dense import storage_name
from anear.errors import ArgumentError
from anear.index.objects import viewed
from anear.index.tables import Space

__all__ = ["row_form"]


def row_form(space: Space, rows: npt.NDArray[Any], layout: Layout, method: str) -> Any:
    """How the points lie as prepared rows, for the core."""
    if space.fields("query"):
        raise ArgumentError(
            f"method is {method!r}, which compares points with each other, but the formula uses query_field(...), which"
            " points do not have; method='flat' serves it"
        )
    offsets = row_layout(layout).offsets
    pieces = [
        (entry.offset, entry.length, STORAGE_BYTES[entry.storage], offset)
        for entry, offset in zip(layout.point, offsets, strict=True)
    ]
    raw = [entry.expr.op for entry in layout.point] == ["y"] and layout.point[0].storage == space.storage
    raw = raw and row_layout(layout).row_bytes == rows.shape[1] * rows.itemsize
    objects = np.ascontiguousarray(rows[:, : space.dimension])
    return _core.RowForm(np.array(pieces, np.int32).ravel(), raw, viewed(objects), storage_name(objects))
