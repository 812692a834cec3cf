"""Lp for every p in (0, inf], with optional weights."""

import math

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, x, y
from anear.spaces.space import CLAIMS, METRIC, Distance, Parameter


def _formula(p: float, w: npt.NDArray[np.float64] | None) -> Expr:
    """sum(w * |x - y|**p) ** (1/p); the forms that need no general power are spelt without one."""
    if math.isinf(p):
        # As in SciPy: the limit of w ** (1/p) is 1 for every weight but 0, which takes the coordinate out.
        gaps = (x - y).abs()
        return (gaps if w is None else constant(w != 0, "w") * gaps).max()
    bases = x - y if p % 2 == 0 else (x - y).abs()
    terms = bases if p == 1 else bases**p
    total = (terms if w is None else constant(w, "w") * terms).sum()
    return total if p == 1 else total.sqrt() if p == 2 else total ** (1.0 / p)


def _claims(p: float, w: npt.NDArray[np.float64] | None) -> frozenset[str]:
    return METRIC if p >= 1 else CLAIMS - {"triangle"}


DISTANCE = Distance(
    name="minkowski",
    aliases=("lp", "weighted_minkowski", "wminkowski"),
    formula=_formula,
    parameters=(
        Parameter("p", "the power; below 1 the triangle inequality fails", default=2.0, low=0.0, low_open=True),
        Parameter("w", "one weight >= 0 a coordinate; left out: all 1", kind="vector", low=0.0),
    ),
    claims=_claims,
    summary="sum(w * |x - y|**p) ** (1/p); p = inf gives the maximum",
    reference="NMSLIB lp; scipy.spatial.distance.minkowski, which multiplies the weights to |x - y|**p as well",
    notes="The root is taken for p < 1 too, as NMSLIB and SciPy do.",
)
