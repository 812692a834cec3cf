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

from anear.data import read
from anear.errors import AnearError, ArgumentError, CompileError, DomainError, FileFormatError, FormulaError
from anear.formula import formula, point_field, query_field, x, y
from anear.index.explain import Explanation, explain
from anear.index.files import load
from anear.index.index import Index
from anear.index.results import Neighbors, RangeNeighbors
from anear.index.search import knn, pairwise
from anear.spaces import Distance
from anear.spaces.lookup import all_distances as distances

if TYPE_CHECKING:
    from anear.trees import BallTree, BallTree32, BallTree64, KDTree, KDTree32, KDTree64

__version__ = "0.1.0"

__all__ = [
    "AnearError",
    "ArgumentError",
    "BallTree",
    "BallTree32",
    "BallTree64",
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
    "Neighbors",
    "RangeNeighbors",
    "distances",
    "explain",
    "formula",
    "knn",
    "load",
    "pairwise",
    "point_field",
    "query_field",
    "read",
    "x",
    "y",
]


def __getattr__(name: str) -> Any:
    """The trees, whose package is read when one of them is first asked for."""
    if name in __all__:
        return getattr(import_module("anear.trees"), name)
    raise AttributeError(f"module 'anear' has no attribute {name!r}")
