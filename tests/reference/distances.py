"""The naive twin of every named distance: plain NumPy float64, one query and one point at a time.

Nothing here imports anear, and wherever a definition can be written in another way than anear's formula, it is. Use

    twin = REFERENCE["kldiv"]
    queries, points = twin.queries(rng, 5, 8), twin.points(rng, 20, 8)      # valid rows, float64
    for params in twin.cases(rng, 8):                                        # parameters to try, fitting 8 columns
        expected = twin.matrix(queries, points, params)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from tests.reference.samples import (
    Array,
    Sampler,
    amounts,
    binary,
    full_shares,
    in_ball,
    in_half_space,
    on_earth,
    on_hyperboloid,
    positive,
    real,
    shares,
    varied,
)

Cases = Callable[[np.random.Generator, int], list[dict[str, Any]]]


def no_parameters(rng: np.random.Generator, d: int) -> list[dict[str, Any]]:
    """One case: no parameters."""
    return [{}]


@dataclass(frozen=True)
class Twin:
    """A distance's definition, data it is defined on, and parameters to try.

    ``dimensions`` is the least and the greatest number of columns it makes sense for; ``either`` draws rows that are
    valid as queries and as points.
    """

    function: Callable[..., float]
    points: Sampler
    queries: Sampler
    either: Sampler
    cases: Cases = no_parameters
    dimensions: tuple[int, int] = (1, 1_000_000)

    def matrix(self, queries: Array, points: Array, params: dict[str, Any] | None = None) -> Array:
        """The distance of every query to every point."""
        with np.errstate(all="ignore"):
            values = [[self.function(q, p, **(params or {})) for p in points] for q in queries]
        return np.array(values, dtype=np.float64).reshape(len(queries), len(points))


# --- Lp and its relatives


def manhattan(q: Array, p: Array) -> float:
    return math.fsum(abs(a - b) for a, b in zip(q, p, strict=True))


def euclidean(q: Array, p: Array) -> float:
    return math.dist(q, p)


def sqeuclidean(q: Array, p: Array) -> float:
    return math.fsum((a - b) ** 2 for a, b in zip(q, p, strict=True))


def chebyshev(q: Array, p: Array) -> float:
    return max(abs(a - b) for a, b in zip(q, p, strict=True))


def minkowski(q: Array, y: Array, p: float = 2.0, w: Array | None = None) -> float:
    weights = np.ones(len(q)) if w is None else np.asarray(w)
    if math.isinf(p):
        return float((np.abs(q - y) * (weights > 0)).max())
    return math.fsum(u * abs(a - b) ** p for u, a, b in zip(weights, q, y, strict=True)) ** (1.0 / p)


def seuclidean(q: Array, p: Array, V: Array) -> float:
    return euclidean(q / np.sqrt(V), p / np.sqrt(V))


def sqmahalanobis(q: Array, p: Array, V: Array | None = None, VI: Array | None = None) -> float:
    difference = q - p
    inverse = VI if V is None else _inverse(V.tobytes(), len(V))
    return float(difference @ (inverse @ difference))


@lru_cache(maxsize=4)
def _inverse(matrix: bytes, d: int) -> Array:
    return np.linalg.inv(np.frombuffer(matrix, np.float64).reshape(d, d))


def mahalanobis(q: Array, p: Array, V: Array | None = None, VI: Array | None = None) -> float:
    return math.sqrt(max(sqmahalanobis(q, p, V, VI), 0.0))


def lorentzian(q: Array, p: Array) -> float:
    return math.fsum(math.log(1.0 + abs(a - b)) for a, b in zip(q, p, strict=True))


# --- Angles


def negdotprod(q: Array, p: Array) -> float:
    return -math.fsum(q * p)


def cosine(q: Array, p: Array) -> float:
    return 1.0 - math.fsum(q * p) / (math.hypot(*q) * math.hypot(*p))


def angular(q: Array, p: Array) -> float:
    # Kahan's formula: exact where arccos loses half of its digits
    u, v = q / math.hypot(*q), p / math.hypot(*p)
    return 2.0 * math.atan2(math.hypot(*(u - v)), math.hypot(*(u + v)))


def correlation(q: Array, p: Array) -> float:
    return cosine(q - q.mean(), p - p.mean())


# --- Divergences; the point is the first argument


def _entropy_term(a: float, b: float) -> float:
    """a * log(a / b), 0 log 0 = 0."""
    return 0.0 if a == 0 else math.inf if b == 0 else a * (math.log(a) - math.log(b))


def kldiv(q: Array, p: Array) -> float:
    return math.fsum(_entropy_term(a, b) for a, b in zip(p, q, strict=True))


def kldivgen(q: Array, p: Array) -> float:
    return kldiv(q, p) - math.fsum(p) + math.fsum(q)


def itakura_saito(q: Array, p: Array) -> float:
    return math.fsum(a / b - math.log(a) + math.log(b) - 1.0 for a, b in zip(p, q, strict=True))


def jensen_shannon(q: Array, p: Array) -> float:
    middle = (q + p) / 2.0
    return (kldiv(middle, q) + kldiv(middle, p)) / 2.0


def jensen_shannon_metric(q: Array, p: Array) -> float:
    return math.sqrt(max(jensen_shannon(q, p), 0.0))


def topsoe(q: Array, p: Array) -> float:
    return kldiv((q + p) / 2.0, q) + kldiv((q + p) / 2.0, p)


def k_divergence(q: Array, p: Array) -> float:
    return kldiv((q + p) / 2.0, p)


def jeffreys(q: Array, p: Array) -> float:
    return kldiv(q, p) + kldiv(p, q)


def renyi(q: Array, p: Array, alpha: float = 0.5) -> float:
    pairs = [(a, b) for a, b in zip(p, q, strict=True) if a > 0]
    total = math.fsum(a * (a / b if b else math.inf) ** (alpha - 1.0) for a, b in pairs)
    return math.inf if total == 0 else math.log(total) / (alpha - 1.0)


def alpha_beta(q: Array, p: Array, alpha: float = 1.0, beta: float = 1.0) -> float:
    return math.fsum(a ** (alpha + 1.0) * b**beta for a, b in zip(p, q, strict=True))


def beta_divergence(q: Array, p: Array, beta: float = 2.0) -> float:
    if beta == 0:
        return itakura_saito(q, p)
    if beta == 1:
        return kldivgen(q, p)
    total = math.fsum(p**beta) + (beta - 1.0) * math.fsum(q**beta) - beta * math.fsum(p * q ** (beta - 1.0))
    return total / (beta * (beta - 1.0))


# --- Chi-square and the other relative differences; 0/0 = 0


def _share(a: float, b: float) -> float:
    return 0.0 if a == 0 else math.inf if b == 0 else a / b


def chi_square(q: Array, p: Array) -> float:
    return math.fsum(_share((a - b) ** 2, a + b) for a, b in zip(q, p, strict=True))


def pearson_chi_square(q: Array, p: Array) -> float:
    return math.fsum((b - a) ** 2 / a for a, b in zip(q, p, strict=True))


def additive_symmetric_chi_square(q: Array, p: Array) -> float:
    return math.fsum((a - b) ** 2 * (a + b) / (a * b) for a, b in zip(q, p, strict=True))


def canberra(q: Array, p: Array) -> float:
    return math.fsum(_share(abs(a - b), abs(a) + abs(b)) for a, b in zip(q, p, strict=True))


def clark(q: Array, p: Array) -> float:
    return math.hypot(*(_share(abs(a - b), a + b) for a, b in zip(q, p, strict=True)))


def bray_curtis(q: Array, p: Array) -> float:
    return _share(manhattan(q, p), math.fsum(abs(a + b) for a, b in zip(q, p, strict=True)))


def soergel(q: Array, p: Array) -> float:
    largest = math.fsum(np.maximum(q, p))
    return 0.0 if largest == 0 else 1.0 - math.fsum(np.minimum(q, p)) / largest


def kulczynski(q: Array, p: Array) -> float:
    return _share(manhattan(q, p), math.fsum(np.minimum(q, p)))


def wave_hedges(q: Array, p: Array) -> float:
    return math.fsum(1.0 - min(a, b) / max(a, b) for a, b in zip(q, p, strict=True) if max(a, b) > 0)


def tanimoto(q: Array, p: Array) -> float:
    return _share(sqeuclidean(q, p), math.fsum(q * q) + math.fsum(p * p) - math.fsum(q * p))


# --- Square roots


def squared_chord(q: Array, p: Array) -> float:
    return sqeuclidean(np.sqrt(q), np.sqrt(p))


def bhattacharyya(q: Array, p: Array) -> float:
    common = math.fsum(np.sqrt(q * p))
    return math.inf if common == 0 else -math.log(common)


# --- Geometry


def half_space(q: Array, p: Array) -> float:
    return 2.0 * math.asinh(0.5 * math.dist(q, p) / math.sqrt(q[0] * p[0]))


def poincare_ball(q: Array, p: Array) -> float:
    return 2.0 * math.asinh(math.dist(q, p) / math.sqrt((1 - math.fsum(q * q)) * (1 - math.fsum(p * p))))


def hyperboloid(q: Array, p: Array) -> float:
    return math.acosh(max(q[0] * p[0] - math.fsum(q[1:] * p[1:]), 1.0))


def haversine(q: Array, p: Array, radius: float = 1.0) -> float:
    def place(at: Array) -> Array:
        return np.array([math.cos(at[0]) * math.cos(at[1]), math.cos(at[0]) * math.sin(at[1]), math.sin(at[0])])

    return radius * angular(place(q), place(p))


# --- Sets and rows of labels


def hamming(q: Array, p: Array) -> float:
    return sum(a != b for a, b in zip(q, p, strict=True)) / len(q)


def _counts(q: Array, p: Array) -> tuple[int, int, int, int]:
    """How often (1, 1), (1, 0), (0, 1) and (0, 0) stand beside each other."""
    pairs = [(int(a), int(b)) for a, b in zip(q, p, strict=True)]
    return pairs.count((1, 1)), pairs.count((1, 0)), pairs.count((0, 1)), pairs.count((0, 0))


def jaccard(q: Array, p: Array) -> float:
    both, left, right, _ = _counts(q, p)
    return _share(left + right, both + left + right)


def dice(q: Array, p: Array) -> float:
    both, left, right, _ = _counts(q, p)
    return _share(left + right, 2 * both + left + right)


def rogers_tanimoto(q: Array, p: Array) -> float:
    both, left, right, neither = _counts(q, p)
    return 2 * (left + right) / (both + neither + 2 * (left + right))


def russell_rao(q: Array, p: Array) -> float:
    return (len(q) - _counts(q, p)[0]) / len(q)


def sokal_sneath(q: Array, p: Array) -> float:
    both, left, right, _ = _counts(q, p)
    return _share(2 * (left + right), both + 2 * (left + right))


def yule(q: Array, p: Array) -> float:
    both, left, right, neither = _counts(q, p)
    return _share(2 * left * right, both * neither + left * right)


# --- Cumulative histograms


def _gaps(q: Array, p: Array) -> list[float]:
    return [math.fsum(q[: i + 1]) - math.fsum(p[: i + 1]) for i in range(len(q))]


def wasserstein(q: Array, p: Array) -> float:
    return math.fsum(map(abs, _gaps(q, p)))


def energy(q: Array, p: Array) -> float:
    return math.sqrt(2.0) * math.hypot(*_gaps(q, p))


def kolmogorov_smirnov(q: Array, p: Array) -> float:
    return max(map(abs, _gaps(q, p)))


# --- Parameters to try


def _minkowski_cases(rng: np.random.Generator, d: int) -> list[dict[str, Any]]:
    w = rng.uniform(0.0, 2.0, d)
    powers = [0.5, 0.25, 1.0, 1.5, 2.0, 3.0, 4.0, math.inf]
    return [{}, *({"p": p} for p in powers), *({"p": p, "w": w} for p in (0.5, 1.0, 2.0, 3.0, math.inf))]


def _variance_cases(rng: np.random.Generator, d: int) -> list[dict[str, Any]]:
    return [{"V": rng.uniform(0.5, 2.0, d)}]


def _matrix_cases(rng: np.random.Generator, d: int) -> list[dict[str, Any]]:
    half = rng.normal(size=(d, d))
    spread = half @ half.T / d + 0.5 * np.eye(d)
    blind = np.outer(half[0], half[0])
    return [{"V": spread}, {"VI": spread}, {"VI": blind}]


def _values(name: str, *values: float) -> Cases:
    return lambda rng, d: [{}, *({name: value} for value in values)]


def _alpha_beta_cases(rng: np.random.Generator, d: int) -> list[dict[str, Any]]:
    powers = [(0.5, 2.0), (-0.5, 0.25), (1.0, 2.0), (-2.0, -1.0)]
    return [{}, *({"alpha": alpha, "beta": beta} for alpha, beta in powers)]


def _other_way(function: Callable[..., float]) -> Callable[..., float]:
    return lambda q, p, **params: function(p, q, **params)


def _same(function: Callable[..., float], sample: Sampler, **rest: Any) -> Twin:
    """A twin whose queries and points are alike."""
    return Twin(function, sample, sample, sample, **rest)


def _both_ways(
    name: str,
    other: str,
    function: Callable[..., float],
    points: Sampler,
    queries: Sampler,
    cases: Cases = no_parameters,
) -> dict[str, Twin]:
    """The twins of a left and a right query. What is divided by, the left one's query, has the narrower domain."""
    return {
        name: Twin(function, points, queries, queries, cases),
        other: Twin(_other_way(function), queries, points, queries, cases),
    }


REFERENCE: dict[str, Twin] = {
    "manhattan": _same(manhattan, real),
    "euclidean": _same(euclidean, real),
    "sqeuclidean": _same(sqeuclidean, real),
    "chebyshev": _same(chebyshev, real),
    "minkowski": _same(minkowski, real, cases=_minkowski_cases),
    "seuclidean": _same(seuclidean, real, cases=_variance_cases),
    "mahalanobis": _same(mahalanobis, real, cases=_matrix_cases),
    "sqmahalanobis": _same(sqmahalanobis, real, cases=_matrix_cases),
    "lorentzian": _same(lorentzian, real),
    "negdotprod": _same(negdotprod, real),
    "cosine": _same(cosine, real),
    "angular": _same(angular, real),
    "correlation": _same(correlation, varied, dimensions=(2, 1_000_000)),
    **_both_ways("kldiv", "kldiv_rq", kldiv, shares, full_shares),
    **_both_ways("kldivgen", "kldivgen_rq", kldivgen, amounts, positive),
    **_both_ways("itakura_saito", "itakura_saito_rq", itakura_saito, positive, positive),
    "jensen_shannon": _same(jensen_shannon, amounts),
    "jensen_shannon_metric": _same(jensen_shannon_metric, amounts),
    "topsoe": _same(topsoe, amounts),
    **_both_ways("k_divergence", "k_divergence_rq", k_divergence, amounts, amounts),
    "jeffreys": _same(jeffreys, positive),
    **_both_ways("renyi", "renyi_rq", renyi, shares, full_shares, _values("alpha", 0.25, 2.0, 3.5)),
    **_both_ways("alpha_beta", "alpha_beta_rq", alpha_beta, positive, positive, _alpha_beta_cases),
    "beta_divergence": _same(beta_divergence, positive, cases=_values("beta", 0.0, 1.0, 0.5, 1.5, 3.0, -1.0)),
    "chi_square": _same(chi_square, amounts),
    **_both_ways("pearson_chi_square", "neyman_chi_square", pearson_chi_square, amounts, positive),
    "additive_symmetric_chi_square": _same(additive_symmetric_chi_square, positive),
    "canberra": _same(canberra, real),
    "clark": _same(clark, amounts),
    "bray_curtis": _same(bray_curtis, amounts),
    "soergel": _same(soergel, amounts),
    "kulczynski": _same(kulczynski, amounts),
    "wave_hedges": _same(wave_hedges, amounts),
    "tanimoto": _same(tanimoto, real),
    "hellinger": _same(lambda q, p: math.sqrt(squared_chord(q, p) / 2.0), amounts),
    "squared_hellinger": _same(lambda q, p: squared_chord(q, p) / 2.0, amounts),
    "squared_chord": _same(squared_chord, amounts),
    "matusita": _same(lambda q, p: math.sqrt(squared_chord(q, p)), amounts),
    "bhattacharyya": _same(bhattacharyya, shares),
    "half_space": _same(half_space, in_half_space),
    "poincare_ball": _same(poincare_ball, in_ball),
    "hyperboloid": _same(hyperboloid, on_hyperboloid, dimensions=(2, 1_000_000)),
    "haversine": _same(haversine, on_earth, cases=_values("radius", 6371.0), dimensions=(2, 2)),
    "hamming": _same(hamming, binary),
    "jaccard": _same(jaccard, binary),
    "dice": _same(dice, binary),
    "rogers_tanimoto": _same(rogers_tanimoto, binary),
    "russell_rao": _same(russell_rao, binary),
    "sokal_sneath": _same(sokal_sneath, binary),
    "yule": _same(yule, binary),
    "wasserstein": _same(wasserstein, shares),
    "energy": _same(energy, shares),
    "kolmogorov_smirnov": _same(kolmogorov_smirnov, shares),
}
"""Canonical name -> twin. Every named distance has one; a test counts."""
