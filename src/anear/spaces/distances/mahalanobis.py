"""Euclidean distance in the coordinates where a covariance matrix becomes the unit matrix."""

from typing import Any

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import Expr, constant, make, x, y
from anear.spaces.space import CLAIMS, METRIC, Distance, Parameter

_Matrix = npt.NDArray[np.float64]
_ASYMMETRY = 1e-8  # relative; what inverting a covariance matrix leaves in float32


def _factor(V: _Matrix | None, VI: _Matrix | None) -> _Matrix:
    """A with A.T @ A = VI = inv(V): then the distance is |A @ x - A @ y|, and A @ y is computed once a point."""
    if V is not None and VI is not None:
        raise ArgumentError("mahalanobis takes either VI or V, but both were given")
    name, given = ("V", V) if V is not None else ("VI", VI)
    assert given is not None
    largest = float(np.abs(given).max())
    if np.abs(given - given.T).max() > _ASYMMETRY * largest:
        raise ArgumentError(f"mahalanobis: parameter {name} is not symmetric")
    values, vectors = np.linalg.eigh((given + given.T) / 2)
    zero = np.finfo(np.float64).eps * len(given) * float(np.abs(values).max())
    if values[0] < -max(zero, _ASYMMETRY * largest) or values[-1] <= 0.0:
        raise ArgumentError(f"mahalanobis: parameter {name} has the eigenvalue {values[0]:g}; allowed: none below 0")
    if V is not None and values[0] <= zero:
        raise ArgumentError("mahalanobis: parameter V is singular; pass VI, for example numpy.linalg.pinv(V)")
    scale = values**-0.5 if V is not None else np.sqrt(np.maximum(values, 0.0))
    kept = scale > 0.0
    factor: _Matrix = scale[kept, None] * vectors.T[kept]
    return factor


def _squared(V: _Matrix | None, VI: _Matrix | None) -> Expr:
    return (make("matvec", constant(_factor(V, VI), "A"), x - y) ** 2).sum()


def _plain(**matrices: Any) -> Expr:
    return _squared(**matrices).sqrt()


_PARAMETERS = (
    Parameter(
        "VI",
        "the inverse covariance matrix, symmetric, no eigenvalue below 0",
        kind="matrix",
        required=True,
        alternative="V",
    ),
    Parameter("V", "the covariance matrix itself, in place of VI", kind="matrix", required=True, alternative="VI"),
)

DISTANCES = (
    Distance(
        name="mahalanobis",
        formula=_plain,
        parameters=_PARAMETERS,
        claims=METRIC,
        summary="sqrt((x - y) @ VI @ (x - y)), VI an inverse covariance matrix",
        reference="scipy.spatial.distance.mahalanobis",
        notes="A singular VI is fine: rows that differ only where it is blind are at distance 0.",
    ),
    Distance(
        name="sqmahalanobis",
        aliases=("squared_mahalanobis",),
        formula=_squared,
        parameters=_PARAMETERS,
        claims=CLAIMS - {"triangle"},
        summary="(x - y) @ VI @ (x - y): the square of mahalanobis",
    ),
)
