"""Find the nearest neighbours of anything, under any distance, as fast as the hardware allows.

>>> import numpy as np
>>> import anear
>>> from anear import x, y
>>> points = np.random.default_rng(0).random((1000, 8))
>>> anear.knn(points, points[:2], k=3, distance=abs(x - y).sum()).ids[:, 0]
array([0, 1])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from anear.errors import (
    AnearError,
    ArgumentError,
    Cancelled,
    CompileError,
    DomainError,
    FileFormatError,
    FormulaError,
)
from anear.formula import formula, point_field, query_field, x, y

if TYPE_CHECKING:
    from anear.data import read
    from anear.index.explain import Explanation, explain
    from anear.index.files import load
    from anear.index.index import Index
    from anear.index.knn_graph import KnnGraph, knn_graph
    from anear.index.promise import Certificate
    from anear.index.results import Neighbors, RangeNeighbors
    from anear.index.search import knn, pairwise
    from anear.spaces import Distance
    from anear.spaces.lookup import all_distances as distances
    from anear.trees import BallTree, BallTree32, BallTree64, KDTree, KDTree32, KDTree64

__version__ = "0.1.0"

__all__ = [
    "AnearError",
    "ArgumentError",
    "BallTree",
    "BallTree32",
    "BallTree64",
    "Cancelled",
    "Certificate",
    "CompileError",
    "Distance",
    "DomainError",
    "Explanation",
    "FileFormatError",
    "FormulaError",
    "Index",
    "KDTree",
    "KDTree32",
    "KDTree64",
    "KnnGraph",
    "Neighbors",
    "RangeNeighbors",
    "distances",
    "explain",
    "formula",
    "knn",
    "knn_graph",
    "load",
    "pairwise",
    "point_field",
    "query_field",
    "read",
    "x",
    "y",
]

# Names whose modules are imported when they are first asked for (PEP 562), and what they are called there. Formulas are
# not among them: `anear.formula` the function stands before `anear.formula` the package, which must be imported first.
_LATER = {
    "Certificate": ("anear.index.promise", "Certificate"),
    "Distance": ("anear.spaces", "Distance"),
    "Explanation": ("anear.index.explain", "Explanation"),
    "Index": ("anear.index.index", "Index"),
    "KnnGraph": ("anear.index.knn_graph", "KnnGraph"),
    "Neighbors": ("anear.index.results", "Neighbors"),
    "RangeNeighbors": ("anear.index.results", "RangeNeighbors"),
    "distances": ("anear.spaces.lookup", "all_distances"),
    "explain": ("anear.index.explain", "explain"),
    "knn": ("anear.index.search", "knn"),
    "knn_graph": ("anear.index.knn_graph", "knn_graph"),
    "load": ("anear.index.files", "load"),
    "pairwise": ("anear.index.search", "pairwise"),
    "read": ("anear.data", "read"),
    **{
        name: ("anear.trees", name)
        for name in ("BallTree", "BallTree32", "BallTree64", "KDTree", "KDTree32", "KDTree64")
    },
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'anear' has no attribute {name!r}")
    module, original = _LATER[name]
    value = getattr(import_module(module), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
