"""Calling compiled kernels from tests: NumPy arrays in and out, through the core's own loader."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from anear import _core
from anear.codegen.compiler import compile_kernels, parameters
from anear.codegen.layout import Layout, make_layout
from anear.codegen.targets import TARGETS, Target, host_target
from anear.codegen.tile import Tile
from anear.formula.expression import Expr
from anear.formula.hoist import Plan, exact_plan, fields

DTYPES = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "int8": np.int8, "uint8": np.uint8}


def runnable() -> list[Target]:
    """The targets whose code this machine can run."""
    have = frozenset(_core.host_features())
    return [t for t in TARGETS.values() if t.needs <= have]


class Called:
    """The kernels of one plan, callable."""

    def __init__(
        self,
        expr: Expr,
        dimension: int,
        storage: str = "float32",
        arithmetic: str | None = None,
        target: Target | None = None,
        plan: Plan | None = None,
        tile: Tile | None = None,
    ) -> None:
        arithmetic = arithmetic or ("float64" if storage == "float64" else "float32")
        target = target or host_target(_core.host_features())
        self.layout: Layout = make_layout(
            plan or exact_plan(expr),
            dimension,
            storage,
            arithmetic,
            target,
            fields(expr, "query"),
            fields(expr, "point"),
        )
        self.storage = storage
        self.real = DTYPES[arithmetic]
        self.parameters = parameters(self.layout)
        self._wanted = tile
        self._codes: list[Any] = []

    def call(self, name: str, *args: Any, result: Any = None) -> Any:
        kernels = compile_kernels(self.layout, [name], self._wanted)
        self.tile = kernels.tile
        code = _core.load_code(kernels.objects[name])
        self._codes.append(code)
        types = [ctypes.c_int64 if isinstance(a, int) else ctypes.c_void_p for a in args]
        function = ctypes.CFUNCTYPE(result, *types)(code.symbols[name])
        return function(*[a.ctypes.data if isinstance(a, np.ndarray) else a for a in args])

    def blocks(self, rows: np.ndarray, multiple: int = 1) -> tuple[np.ndarray, int]:
        """Raw blocks, padded with copies of the last row."""
        lanes = self.layout.lanes
        n = -(-len(rows) // (lanes * multiple)) * lanes * multiple
        whole = np.concatenate([rows, np.repeat(rows[-1:], n - len(rows), 0)]).astype(np.float64)
        return np.ascontiguousarray(whole.reshape(-1, lanes, rows.shape[1]).transpose(0, 2, 1)), n // lanes

    def points(self, rows: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
        """Prepared blocks, how many, and the plan's maxima."""
        kernels = compile_kernels(self.layout, [], self._wanted)
        raw, n = self.blocks(rows, int(np.lcm(kernels.tile.blocks, kernels.tile.scan)))
        out = aligned(n * self.layout.block_bytes)
        maxima = np.zeros(max(1, len(self.layout.plan.maxima)))
        self.call("prepare_points", raw, n, self.parameters, out, maxima)
        return out, n, maxima

    def queries(self, rows: np.ndarray) -> np.ndarray:
        """Prepared queries, one a row."""
        raw, n = self.blocks(rows)
        slots, lanes = self.layout.query_slots, self.layout.lanes
        out = aligned(n * slots * lanes * np.dtype(self.real).itemsize)
        self.call("prepare_query", raw, n, self.parameters, out, None)
        prepared = out.view(self.real).reshape(n, slots, lanes).transpose(0, 2, 1).reshape(-1, slots)
        return np.ascontiguousarray(prepared)

    def store(self, queries: np.ndarray, points: np.ndarray, n_blocks: int, one: bool = False) -> np.ndarray:
        """All values of a tile's queries (or of one) against prepared blocks."""
        columns = n_blocks * self.layout.lanes
        tile = compile_kernels(self.layout, [], self._wanted).tile
        out = np.zeros((1 if one else tile.queries, columns), self.real)
        name = "store_one" if one else "store"
        self.call(
            name,
            np.resize(queries, (len(out), queries.shape[1])),
            points,
            n_blocks,
            self.parameters,
            out,
            columns,
            np.zeros(1, np.int32),
        )
        return out

    def gather(self, query: np.ndarray, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """One prepared query against raw rows."""
        out = np.zeros(len(ids), self.real)
        self.call("gather", query, rows, rows.strides[0], ids.astype(np.uint32), len(ids), self.parameters, out)
        return out

    def pair(self, a: np.ndarray, b: np.ndarray) -> float:
        """The distance of two raw rows."""
        return float(self.call("pair", a, b, self.parameters, result=ctypes.c_double))


def aligned(n_bytes: int) -> np.ndarray:
    """Zeroed bytes on a 64-byte boundary."""
    whole = np.zeros(n_bytes + 64, np.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + n_bytes]
