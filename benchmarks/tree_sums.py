"""Sums over trees: kernel densities and numbers of pairs, as scikit-learn and SciPy have them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import common
import numpy as np

__all__ = ["run"]

_REACH = 3.0


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Densities of several kernels, exact and to a tolerance; pairs within radii."""
    n = min(options.n or 100_000, 100_000)
    rng = np.random.default_rng(0)
    points, queries = rng.standard_normal((n, 3)), rng.standard_normal((min(options.queries or 1000, 1000), 3))
    from sklearn.neighbors import KDTree

    trees: dict[str, Any] = {"sklearn": KDTree(points)}
    import anear

    if hasattr(anear, "KDTree"):
        trees["anear"] = anear.KDTree(points)
    else:
        print("anear has no KDTree of scikit-learn's kind yet")
    records = []
    for kernel, width, tolerance in (
        ("gaussian", 0.1, 1e-4),
        ("gaussian", 0.1, 0.0),
        ("epanechnikov", 0.2, 0.0),
        ("exponential", 0.1, 1e-4),
    ):
        asked = {"h": width, "kernel": kernel, "rtol": tolerance, "atol": 0.0}
        title = f"density, {kernel}, h = {width}, rtol = {tolerance:g}, {n:,} points, D = 3"
        works = {
            name: lambda tree=tree, asked=asked: tree.kernel_density(queries, **asked) for name, tree in trees.items()
        }
        records += _case(title, works, len(queries), options.rounds, max(2 * tolerance, 1e-9))
    radii = np.geomspace(0.01, 0.3, 10)
    works = {name: lambda tree=tree: tree.two_point_correlation(points, radii) for name, tree in trees.items()}
    works |= _scipy_pairs(points, radii)
    return records + _case(f"pairs within 10 radii, {n:,} points, D = 3", works, n, min(options.rounds, 3), 0.0)


def _scipy_pairs(points: Any, radii: Any) -> dict[str, Callable[[], Any]]:
    from scipy.spatial import cKDTree

    from anear.compat.scipy import cKDTree as OwnTree

    theirs, mine = cKDTree(points), OwnTree(points)
    return {
        "scipy": lambda: theirs.count_neighbors(theirs, radii),
        "anear as scipy": lambda: mine.count_neighbors(mine, radii),
    }


def _case(
    title: str, works: dict[str, Callable[[], Any]], amount: int, rounds: int, tolerance: float
) -> list[dict[str, Any]]:
    """A race whose answers agree to a tolerance."""
    expected = works["sklearn"]()
    for name, work in works.items():
        # scikit-learn subtracts bounds from each other: where there is no density it finds the rounding of the largest
        np.testing.assert_allclose(work(), expected, rtol=tolerance, atol=1e-12 * np.max(expected), err_msg=name)
    timings = common.race(list(works.values()), [amount] * len(works), rounds)
    records = [
        timing.record() | {"part": "sums", "case": title, "contestant": name}
        for name, timing in zip(works, timings, strict=True)
    ]
    own = next((record["cpu_us"] for record in records if record["contestant"] == "anear"), None)
    rows = []
    for record in sorted(records, key=lambda record: record["cpu_us"]):
        ratio = "-" if own is None else f"{record['cpu_us'] / own:.2f}"
        rows.append([record["contestant"], f"{record['cpu_us']:,.2f}", f"{record['wall_us']:,.2f}", ratio])
        if own is not None and record["contestant"] == "sklearn":
            record |= {"faster": record["cpu_us"] / own, "reach": _REACH}
    print(f"{title}\n{common.render(['contestant', 'CPU us', 'wall us', '/ anear'], rows)}\n", flush=True)
    return records
