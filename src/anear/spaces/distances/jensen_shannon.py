"""The Jensen-Shannon divergence, and its square root, which is a metric."""

from anear.spaces.domain import NON_NEGATIVE
from anear.spaces.space import CLAIMS, METRIC, Distance

# Both logarithms are exactly 0 for equal rows. The compiler takes them apart: one a coordinate is left for the pair.
_SUM = "sum(xlogy(x, 2 * x / (x + y)) + xlogy(y, 2 * y / (x + y)))"

DISTANCES = (
    Distance(
        name="jensen_shannon",
        aliases=("jsdiv", "jsdivslow", "jsdivfast", "jsdivfastapprox", "jensen_shannon_divergence"),
        formula=f"0.5 * {_SUM}",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=CLAIMS - {"triangle"},
        summary="Jensen-Shannon divergence: mean Kullback-Leibler divergence of both from their average",
        reference="NMSLIB jsdivfast; FAISS METRIC_JensenShannon",
        notes="Natural logarithm, so at most log(2) for rows that sum to 1, which is not required. 0 log 0 = 0. "
        "scipy.spatial.distance.jensenshannon is the square root of this: jensen_shannon_metric. The name with "
        "'approx' gives the exact divergence as well.",
    ),
    Distance(
        name="jensen_shannon_metric",
        aliases=("jsmetr", "jsmetrslow", "jsmetrfast", "jsmetrfastapprox", "jensen_shannon_distance"),
        # The sum cancels for rows that nearly agree; a negative rounding must not become NaN under the root.
        formula=f"sqrt(maximum(0.5 * {_SUM}, 0))",
        query_domain=NON_NEGATIVE,
        point_domain=NON_NEGATIVE,
        claims=METRIC,
        summary="square root of the Jensen-Shannon divergence, a metric",
        reference="NMSLIB jsmetrfast; scipy.spatial.distance.jensenshannon on rows that sum to 1; Endres and "
        "Schindelin, A new metric for probability distributions, 2003",
        notes="SciPy divides each row by its sum first; here rows are taken as they are. 0 log 0 = 0.",
    ),
)
