"""Euclidean distance after dividing each coordinate by its standard deviation."""

import numpy as np
import numpy.typing as npt

from anear.formula.expression import Expr, constant, x, y
from anear.spaces.space import METRIC, Distance, Parameter


def _formula(V: npt.NDArray[np.float64]) -> Expr:
    return (constant(1.0 / V, "1/V") * (x - y) ** 2).sum().sqrt()


DISTANCE = Distance(
    name="seuclidean",
    aliases=("standardized_euclidean", "standardised_euclidean"),
    formula=_formula,
    parameters=(
        Parameter("V", "the variance of each coordinate", kind="vector", required=True, low=0.0, low_open=True),
    ),
    claims=METRIC,
    summary="sqrt(sum((x - y)**2 / V)), V the variance of each coordinate",
    reference="scipy.spatial.distance.seuclidean",
    notes="V is not taken from the data by itself: pass points.var(axis=0, ddof=1) for what SciPy's cdist does.",
)
