"""Reference kernels for the core's tests: squared L2, compiled by the C++ compiler that builds the core."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anear import _core

SOURCE = Path(__file__).with_name("reference_kernels.cpp")
C_TYPES = {"float64": "double", "float32": "float", "int8": "std::int8_t", "uint8": "std::uint8_t"}
KERNELS = ("prepare_points", "prepare_query", "select", "select_one", "store", "store_one", "gather", "pair")


@dataclass(frozen=True)
class Shape:
    """What reference kernels are compiled for."""

    dim: int
    real: str = "float32"
    row: str = "float32"
    block: int = 8
    query_tile: int = 4
    point_tile: int = 2
    scan_tile: int = 3
    bilinear: bool = False
    guard: float = 0.0  # `store` leaves smaller values to others: NaN


def compiled(source: str, flags: tuple[str, ...] = ()) -> bytes:
    """Return the object file that the C++ compiler makes of ``source``."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    common = ["-c", "-O1", "-fPIC", "-std=c++20", "-fvisibility=hidden", "-fno-math-errno", "-fno-stack-protector"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "kernels.o")
        command = [compiler, *common, *flags, "-x", "c++", "-", "-o", str(out)]
        subprocess.run(command, input=source.encode(), check=True, timeout=120)
        return out.read_bytes()


def program(folder: Path, main: str, *sources: str) -> Path:
    """Build a program of ``main`` (beside this file) and sources of the core; return its path."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    root = Path(__file__).parents[2]
    files = [str(Path(__file__).with_name(main)), *(str(root / "core" / source) for source in sources)]
    out = folder / "program"
    subprocess.run([compiler, "-std=c++20", "-pthread", f"-I{root}/core", *files, "-o", str(out)], check=True)
    return out


@functools.cache
def object_file(shape: Shape) -> bytes:
    """Return the object file with all kernels for ``shape``."""
    defines = {
        "REAL": C_TYPES[shape.real],
        "ROW": C_TYPES[shape.row],
        "DIM": shape.dim,
        "BLOCK": shape.block,
        "QUERY_TILE": shape.query_tile,
        "POINT_TILE": shape.point_tile,
        "SCAN_TILE": shape.scan_tile,
        "BILINEAR": int(shape.bilinear),
        "GUARD": shape.guard,
    }
    return compiled(SOURCE.read_text(), tuple(f"-D{name}={value}" for name, value in defines.items()))


@functools.cache
def table(shape: Shape, without: tuple[str, ...] = ()) -> Any:
    """Return the kernel table for ``shape``, lacking the kernels named in ``without``."""
    code = _core.load_code(object_file(shape))
    itemsize = np.dtype(shape.real).itemsize
    fields = {
        "arithmetic_bytes": itemsize,
        "block": shape.block,
        "query_tile": shape.query_tile,
        "point_tile": shape.point_tile,
        "scan_tile": shape.scan_tile,
        "query_columns": shape.dim,
        "point_columns": shape.dim,
        "query_slots": shape.dim + 3 * shape.bilinear,
        "point_block_bytes": (shape.dim + shape.bilinear) * shape.block * itemsize,
        "maxima": 2 * shape.bilinear,
    }
    fields |= {name: code.symbols[name] for name in KERNELS if name not in without}
    return _core.Table(fields, [code])


def flat(rows: np.ndarray, shape: Shape, *, margin: bool | None = None, scale: float = 1.0, **options: Any) -> Any:
    """Build a Flat index over ``rows``; ``margin`` defaults to what the form needs to be exact."""
    storage = str(rows.dtype)
    exact = Shape(shape.dim, real="float64", row=storage)
    unit = 2.0**-24 if shape.real == "float32" else 2.0**-53
    use_margin = shape.real == "float32" if margin is None else margin
    error = unit * (shape.dim + 8) if use_margin else 0.0
    without = options.pop("without", ())
    options.setdefault("offset_slot", shape.dim if shape.bilinear else -1)
    return _core.Flat(
        rows,
        storage,
        table(shape, without),
        table(exact),
        np.array([scale]),
        np.array([scale]),
        np.array([shape.dim + 1, shape.dim + 2] if shape.bilinear else [], np.int32),
        scale * error if shape.bilinear else 0.0,
        0.0 if shape.bilinear else error,
        **options,
    )


def exact_distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Squared L2 in float64, summed in the order of the coordinates as the kernels do."""
    total = np.zeros((len(queries), len(points)))
    for i in range(points.shape[1]):
        with np.errstate(invalid="ignore", over="ignore"):
            total += (queries[:, i, None].astype(np.float64) - points[None, :, i]) ** 2
    return total


def nearest(distances: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and distances of the k smallest (distance, id) of every row; NaN is no distance."""
    ids = np.full((len(distances), k), -1, np.int64)
    values = np.full((len(distances), k), np.inf)
    for q, row in enumerate(distances):
        keep = ~np.isnan(row) if allowed is None else ~np.isnan(row) & (allowed if allowed.ndim == 1 else allowed[q])
        candidates = np.flatnonzero(keep)
        order = candidates[np.argsort(row[candidates], kind="stable")][:k]
        ids[q, : len(order)] = order
        values[q, : len(order)] = row[order]
    return ids, values
