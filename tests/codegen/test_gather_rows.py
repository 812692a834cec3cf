"""Prepared rows give what prepared blocks give: in every storage type, for awkward dimensions and numbers of rows."""

from __future__ import annotations

import numpy as np
import pytest
from tests.codegen.calling import DTYPES, Called, aligned, runnable

from anear.codegen.layout import STORAGE_BYTES
from anear.codegen.rows import row_layout, row_tile
from anear.codegen.targets import Target
from anear.formula import formula
from anear.formula.hoist import value_plan
from anear.index.stages import stages_of

FORMULAS = {
    "squares": "sum((x - y)**2)",
    "cosine": "1 - sum(x * y) / sqrt(sum(x * x) * sum(y * y))",
    "two vectors": "sum(x * log(x / y)) + sum(y * log(y / x))",
    "largest": "max(abs(x - y))",
    "logarithms of both": "sum(x * log(x / (x + y)) + y * log(y / (x + y)))",
    "places": "x[0] * y[-1] + sum(abs(x[1:3] - y[0:2]))",
    "running sums": "sum(abs(cumsum(x) - cumsum(y)))",
    "a field": "sum(abs(x - y)) / point_field('s')",
}


def as_rows(called: Called, raw: np.ndarray) -> np.ndarray:
    """The points' prepared blocks, taken apart."""
    layout, blocks = called.layout, called.points(raw)[0]
    form = row_layout(layout)
    rows = aligned(len(raw) * form.row_bytes).reshape(len(raw), form.row_bytes)
    for i in range(len(raw)):
        block = blocks[i // layout.lanes * layout.block_bytes :][: layout.block_bytes]
        for entry, offset in zip(layout.point, form.offsets, strict=True):
            size = STORAGE_BYTES[entry.storage]
            lanes = block[entry.offset :][: entry.length * layout.lanes * size].reshape(
                entry.length, layout.lanes, size
            )
            rows[i, offset : offset + entry.length * size] = lanes[:, i % layout.lanes].ravel()
    return rows


@pytest.mark.parametrize("target", runnable(), ids=lambda t: t.name)
@pytest.mark.parametrize("storage", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("dimension", [3, 7, 16, 17, 100])
@pytest.mark.parametrize("text", FORMULAS.values(), ids=FORMULAS)
def test_rows_give_what_blocks_give(text: str, dimension: int, storage: str, target: Target) -> None:
    if "point_field" in text and storage == "uint8":
        storage = "float32"  # a field makes rows floating numbers
    expr = formula(text)
    rng = np.random.default_rng(0)
    for plan in (value_plan(expr), stages_of(expr, True).direct):
        called = Called(expr, dimension, storage, target=target, plan=plan)
        raw = (1 + 100 * rng.random((23, called.layout.columns("point")))).astype(DTYPES[storage])
        query = called.queries((1 + 100 * rng.random((1, called.layout.columns("query")))).astype(called.real))[0]
        rows = as_rows(called, raw)
        blocks, blocks_there, _ = called.points(raw)
        expected = called.store(query[None], blocks, blocks_there, one=True)[0, : len(raw)]
        for count in (1, 2, 5, 23):
            ids = rng.integers(0, len(raw), count + row_tile(called.layout)).astype(np.int32)  # room to a whole tile
            out = np.zeros(len(ids), called.real)
            called.call("gather_rows", query, rows, rows.shape[1], ids, count, called.parameters, out)
            few = 1e-11 if called.real == np.float64 else 2e-5
            np.testing.assert_allclose(out[:count], expected[ids[:count]], rtol=few, atol=few * np.abs(expected).max())
