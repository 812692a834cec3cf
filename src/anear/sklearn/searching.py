"""What anear changes in scikit-learn's estimators: how they are fitted. Everything else is inherited.

scikit-learn's code asks a fitted tree for neighbours where ``_fit_method`` names a tree, and takes ways of its own past
``kneighbors`` where it says "brute". So a fitted estimator of anear always says that it has a tree.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.neighbors._base import BallTree, KDTree, NeighborsBase
from sklearn.utils import get_tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from anear.errors import ArgumentError
from anear.formula.expression import Expr
from anear.index.methods import METHODS
from anear.sklearn.fitted import Fitted
from anear.spaces.space import Distance
from anear.trees.binary import BallTree64, BinaryTree
from anear.trees.metrics import KD_METRICS, is_known

__all__ = ["MOST_DENSE", "Searching", "SearchingK", "SearchingRadius", "constraints"]

MOST_DENSE: Final = 2**30
"""Bytes that sparse rows may take when they are made dense for a formula."""

_TREES: Final = ("kd_tree", "ball_tree")
_SKLEARN: Final = ("auto", "brute", *_TREES)


def constraints(theirs: dict[str, Any]) -> dict[str, Any]:
    """scikit-learn's declaration of parameters, and what anear adds to it."""
    return {
        **theirs,
        "algorithm": [StrOptions({*_SKLEARN, *METHODS})],
        "distance": [str, Expr, Distance, None],
    }


class _Points(NeighborsBase):  # type: ignore[misc] # scikit-learn has no types
    """Rows in the guise of a fitted estimator: ``_fit`` then takes them as they are, and fits the targets alone."""

    def __init__(self, rows: Any, tree: Any, method: str) -> None:
        self._fit_X, self._tree, self._fit_method = rows, tree, method
        self.n_samples_fit_ = len(rows)


if TYPE_CHECKING:
    _Base = Any
else:
    _Base = object


class Searching(_Base):  # type: ignore[misc] # for the attributes that scikit-learn's classes bring
    """To be inherited before one of scikit-learn's estimators."""

    def _fit(self, X: Any, y: Any = None) -> Any:
        if isinstance(X, BinaryTree):
            method = "ball_tree" if isinstance(X, BallTree64) else "kd_tree"
            return super()._fit(_Points(X.data, X, method), y)
        if isinstance(X, BallTree | KDTree | NeighborsBase) or not self._compiles(X):
            return super()._fit(X, y)
        X, y = self._validated(X, y)
        if self.metric == "haversine" and self.distance is None and X.shape[1] != 2:
            return super()._fit(X, y)
        super()._fit(_Points(X, None, self._tree_name()), y)
        if self.distance is not None:
            self.effective_metric_, self.effective_metric_params_ = self.distance, dict(self.metric_params or {})
        self._check_semimetric()
        self._tree = Fitted(
            X,
            self.effective_metric_,
            self.effective_metric_params_,
            self.algorithm,
            None if self.n_jobs is None else 1,
        )
        return self

    def _compiles(self, X: Any) -> bool:
        """Whether anear computes these distances; else scikit-learn does."""
        if self.distance is not None:
            if self.metric != "minkowski":
                raise ArgumentError(f"metric is {self.metric!r} and distance {self.distance!r}: give one of them")
            return True
        if not is_known(self.metric) or hasattr(X, "toarray"):
            if self.algorithm not in _SKLEARN:
                raise ArgumentError(
                    f"algorithm is {self.algorithm!r}, which needs dense rows and a metric that anear compiles; allowed"
                    f" for these: {', '.join(_SKLEARN)}"
                )
            return False
        # Without them, scikit-learn takes these from the data it searches.
        needed = {"seuclidean": {"V"}, "mahalanobis": {"V", "VI"}}.get(self.metric)
        return needed is None or bool(needed & (self.metric_params or {}).keys())

    def _validated(self, X: Any, y: Any) -> tuple[Any, Any]:
        """As scikit-learn checks them; sparse rows become dense, as far as they are few."""
        checks = {"accept_sparse": "csr", "order": "C"}
        if get_tags(self).target_tags.required:
            X, y = validate_data(self, X, y, multi_output=True, **checks)
        else:
            X = validate_data(self, X, **checks)
        return _dense(X), y

    def _tree_name(self) -> str:
        """What scikit-learn would call it."""
        if self.algorithm in _TREES:
            return str(self.algorithm)
        return "kd_tree" if self.distance is not None or self.metric in KD_METRICS else "ball_tree"

    def _check_algorithm_metric(self) -> None:
        """scikit-learn's rules are for scikit-learn's metrics and algorithms."""
        if self.distance is None and self.algorithm in _SKLEARN:
            super()._check_algorithm_metric()

    def _check_semimetric(self) -> None:
        """What scikit-learn's trees refuse of Minkowski's distance, in its words."""
        if self.distance is not None or self.effective_metric_ != "minkowski" or self.algorithm not in _SKLEARN:
            return
        p, w = self.effective_metric_params_["p"], self.effective_metric_params_.get("w")
        if p < 1 and self.algorithm in _TREES:
            raise ArgumentError(
                f'algorithm="{self.algorithm}" does not support 0 < p < 1 for the Minkowski metric. To resolve this'
                ' problem either set p >= 1 or algorithm="brute". (distance="minkowski" has no such limit.)'
            )
        if p < 1:
            warnings.warn(
                "Mind that for 0 < p < 1, Minkowski metrics are not distance metrics. Continuing the execution with"
                " `algorithm='brute'`.",
                stacklevel=4,
            )
        if w is not None and self.algorithm == "kd_tree":
            raise ArgumentError(
                "algorithm='kd_tree' is not valid for metric='minkowski' with a weight parameter 'w': try"
                " algorithm='ball_tree' or algorithm='brute' instead."
            )

    def _dense_queries(self, X: Any) -> Any:
        """Sparse queries as scikit-learn takes them: a tree that was asked for by name refuses them."""
        compiled = isinstance(getattr(self, "_tree", None), Fitted)
        return _dense(X) if compiled and (self.distance is not None or self.algorithm not in _TREES) else X


class SearchingK(Searching):
    """The same for estimators that have ``kneighbors``."""

    def kneighbors(self, X: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().kneighbors(self._dense_queries(X), *args, **kwargs)


class SearchingRadius(Searching):
    """The same for estimators that have ``radius_neighbors``."""

    def radius_neighbors(self, X: Any = None, *args: Any, **kwargs: Any) -> Any:
        return super().radius_neighbors(self._dense_queries(X), *args, **kwargs)


def _dense(rows: Any) -> Any:
    if not hasattr(rows, "toarray"):
        return rows
    size = rows.shape[0] * rows.shape[1] * np.dtype(rows.dtype).itemsize
    if size > MOST_DENSE:
        raise ArgumentError(
            f"X is a sparse matrix of shape {rows.shape}, {size / 2**30:.1f} GB as the dense rows that a compiled"
            f" distance needs; allowed: up to {MOST_DENSE / 2**30:.0f} GB, or metric= (without distance=), which"
            " scikit-learn searches in sparse form"
        )
    return rows.toarray()
