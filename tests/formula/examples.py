"""Formulas that people use, with data that they are defined on: what every pass must treat well."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anear.formula import Expr, parse

__all__ = ["DIMENSION", "EXAMPLES", "example_rows"]

Floats = npt.NDArray[np.float64]

DIMENSION = 4
COSINE = "sum(x * y) / (norm(x) * norm(y))"
JENSEN_SHANNON = "0.5 * sum(xlogy(x, 2*x / (x + y))) + 0.5 * sum(xlogy(y, y / ((x + y) / 2)))"

# name: (the data's domain, the formula)
_TEXTS: dict[str, tuple[str, str]] = {
    "l1": ("real", "sum(abs(x - y))"),
    "l2": ("real", "sqrt(sum((x - y)**2))"),
    "l2_squared": ("real", "sum((x - y)**2)"),
    "l3": ("real", "norm(x - y, 3)"),
    "l_half": ("real", "sum(abs(x - y)**0.5)"),
    "lp": ("real", "sum(abs(x - y)**1.7)**(1 / 1.7)"),
    "linf": ("real", "max(abs(x - y))"),
    "weighted_l1": ("real", "sum([1, 2, 0.5, 3] * abs(x - y))"),
    "weighted_l2": ("real", "sqrt(sum([1, 2, 0.5, 3] * (x - y)**2))"),
    "cosine": ("real", f"1 - {COSINE}"),
    "cosine_normalised": ("real", "1 - sum(normalize(x) * normalize(y))"),
    "angle": ("real", f"arccos(clip({COSINE}, -1, 1))"),
    "negative_dot": ("real", "-dot(x, y)"),
    "correlation": ("real", "1 - dot(center(x), center(y)) / (norm(center(x)) * norm(center(y)))"),
    "mahalanobis": ("real", "sqrt(dot(x - y, [[2,1,0,0],[1,3,0,0],[0,0,1,0],[0,0,0,2]] @ (x - y)))"),
    "mahalanobis_factor": ("real", "norm([[2,1,0,0],[0,3,0,1],[0,0,1,0],[0,1,0,2]] @ (x - y))"),
    "projection": ("real", "norm([[2,1,0,0.5],[1,3,-1,0]] @ (x - y))"),
    "canberra": ("real", "sum(where(x != y, abs(x - y) / (abs(x) + abs(y)), 0))"),
    "lorentzian": ("real", "sum(log1p(abs(x - y)))"),
    "hamming": ("real", "mean(x != y)"),
    "wasserstein": ("real", "sum(abs(cumsum(x - y)))"),
    "energy": ("real", "sqrt(2 * sum(cumsum(x - y)**2))"),
    "torus": ("real", "sum(sin(x - y)**2)"),
    "exponential_bregman": ("real", "sum(exp(y) - exp(x) - exp(x) * (y - x))"),
    "logistic_bregman": ("real", "sum(log(1 + exp(y)) - log(1 + exp(x)) - (y - x) / (1 + exp(-x)))"),
    "gaussian": ("real", "1 - exp(-sum((x - y)**2))"),
    "parts": ("real", "sum((x[0:2] - y[0:2])**2) + 3 * sum(abs(x[2:] - y[2:]))"),
    "one_coordinate": ("real", "abs(x[0] - y[0]) + abs(x[-1] - y[-1])"),
    "huber": ("real", "sum(where(abs(x - y) < 1, 0.5 * (x - y)**2, abs(x - y) - 0.5))"),
    "bray_curtis": ("positive", "sum(abs(x - y)) / sum(x + y)"),
    "chi_square": ("positive", "sum((x - y)**2 / (x + y))"),
    "pearson_chi_square": ("positive", "sum((x - y)**2 / x)"),
    "neyman_chi_square": ("positive", "sum((x - y)**2 / y)"),
    "kl": ("positive", "sum(y * log(y / x))"),
    "kl_right": ("positive", "sum(x * log(x / y))"),
    "kl_zeros": ("positive", "sum(xlogy(y, y / x))"),
    "kl_general": ("positive", "sum(y * log(y / x) - y + x)"),
    "kl_general_right": ("positive", "sum(xlogy(x, x / y) - x + y)"),
    "jeffreys": ("positive", "sum((x - y) * log(x / y))"),
    "jensen_shannon": ("positive", JENSEN_SHANNON),
    "jensen_shannon_root": ("positive", f"sqrt(maximum({JENSEN_SHANNON}, 0))"),
    "jensen_shannon_plain": ("positive", "sum(x*log(x/((x+y)/2)) + y*log(y/((x+y)/2))) / 2"),
    "k_divergence": ("positive", "sum(xlogy(y, 2 * y / (x + y)))"),
    "itakura_saito": ("positive", "sum(y / x - log(y / x) - 1)"),
    "itakura_saito_right": ("positive", "sum(x / y - log(x / y) - 1)"),
    "renyi": ("positive", "log(sum(x**0.3 * y**0.7)) / (0.3 - 1)"),
    "alpha_beta": ("positive", "sum(y**1.5 * x**-0.5)"),
    "hellinger": ("positive", "sqrt(0.5 * sum((sqrt(x) - sqrt(y))**2))"),
    "bhattacharyya": ("positive", "-log(sum(sqrt(x * y)))"),
    "clark": ("positive", "sqrt(sum(((x - y) / (x + y))**2))"),
    "log_ratio": ("positive", "sum(abs(log(x / y)))"),
    "half_space": ("positive", "arcosh(1 + sum((x - y)**2) / (2 * x[0] * y[0]))"),
    "poincare_ball": ("ball", "arcosh(1 + 2 * sum((x - y)**2) / ((1 - sum(x*x)) * (1 - sum(y*y))))"),
    "haversine": (
        "angles",
        "2 * arcsin(sqrt(minimum(sin((x[0]-y[0])/2)**2 + cos(x[0])*cos(y[0])*sin((x[1]-y[1])/2)**2, 1)))",
    ),
    "fields": ("real", "sum((x - y)**2) / point_field('s') + query_field('s') * sum(abs(point_field('v', 4) - x))"),
}

EXAMPLES: dict[str, tuple[str, Expr]] = {name: (domain, parse(text)) for name, (domain, text) in _TEXTS.items()}


def example_rows(domain: str, seed: int = 0, queries: int = 5, points: int = 7) -> tuple[Floats, Floats]:
    """Queries and points of a domain; the first point is the first query, the second is near it."""
    random = np.random.default_rng(seed)
    shape = (queries + points, DIMENSION)
    rows = random.standard_normal(shape)
    if domain == "positive":
        rows = random.uniform(0.05, 1.0, shape)
    elif domain == "ball":
        rows = random.uniform(-0.45, 0.45, shape)
    elif domain == "angles":
        rows = random.uniform(-1.5, 1.5, shape)
    rows[queries] = rows[0]
    rows[queries + 1] = rows[0] * (1.0 + 1e-4 * random.standard_normal(DIMENSION))
    return rows[:queries], rows[queries:]


def example_fields(seed: int = 0, queries: int = 5, points: int = 7) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """(point data, query data) for the example that has fields."""
    random = np.random.default_rng(seed)
    point = {"s": random.uniform(0.5, 2.0, points), "v": random.standard_normal((points, DIMENSION))}
    return point, {"s": random.uniform(0.5, 2.0, queries)}
