"""Reductions over the points, from vectors and arrays to arrays. Those that look for extremes are k-NN searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from anear.compat.keops.problem import Problem, bind
from anear.compat.keops.sums import WeightedSums
from anear.compat.keops.variables import Data, Floats
from anear.compat.keops.vectors import Vector, coordinates, dimension
from anear.errors import ArgumentError
from anear.formula.expression import Expr, make
from anear.index.results import Neighbors

__all__ = ["as_kind", "extreme", "log_sum_exp", "nearest", "soft_max_sum", "total"]

Floats64 = npt.NDArray[np.float64]


def nearest(vector: Vector, data: Data, over: int, k: int) -> Neighbors:
    """The k smallest values and where they are: (queries, k), or (queries, k, dim) for a vector, each for itself."""
    found = []
    for expr in coordinates(vector, "a reduction to the smallest or largest values"):
        problem = bind([expr], data, over)
        found.append(problem.nearest(problem.exprs[0], k))
    if len(found) == 1:
        return found[0]
    return Neighbors(np.stack([f.ids for f in found], axis=2), np.stack([f.distances for f in found], axis=2))


def extreme(vector: Vector, data: Data, over: int, largest: bool) -> Neighbors:
    """Where the smallest or largest value of each coordinate is, and the value: (queries, dim)."""
    signed: Vector = vector
    if largest:
        signed = tuple(make("neg", e) for e in vector) if isinstance(vector, tuple) else make("neg", vector)
    ids, values = nearest(signed, data, over, 1)
    shape = (len(ids), dimension(vector))
    return Neighbors(ids.reshape(shape), (-values if largest else values).reshape(shape))


def total(vector: Vector, data: Data, over: int) -> Floats:
    """The sum of each coordinate: (queries, dim)."""
    exprs = _exprs(vector)
    problem = bind(exprs, data, over)
    sums = WeightedSums(problem.exprs, dimension(vector))
    out = np.zeros((len(problem.queries.rows), sums.width))
    for rows, blocks in problem.blocks(max(1, sums.width)):
        for block in blocks:
            out[rows] += sums(block, None)
    return out.astype(data.dtype)


def log_sum_exp(vector: Vector, weight: Vector | None, data: Data, over: int) -> Floats:
    """``log(sum(weight * exp(f)))`` without overflow: (queries, dimension of the weight)."""
    top, sums = _softened("logsumexp", vector, weight, data, over)
    with np.errstate(all="ignore"):
        return (top + np.log(sums)).astype(data.dtype)


def soft_max_sum(vector: Vector, weight: Vector, data: Data, over: int) -> Floats:
    """``sum(weight * exp(f)) / sum(exp(f))`` without overflow: (queries, dimension of the weight)."""
    _, sums = _softened("sumsoftmaxweight", vector, weight, data, over, with_plain=True)
    with np.errstate(all="ignore"):
        return (sums[:, :-1] / sums[:, -1:]).astype(data.dtype)


def _softened(
    what: str, vector: Vector, weight: Vector | None, data: Data, over: int, with_plain: bool = False
) -> tuple[Floats64, Floats64]:
    """(largest f of each query, sums of weight * exp(f - largest)); the unweighted sum behind if asked for.

    One pass: where a block holds a larger f than those before it, the sums so far are scaled down.
    """
    if dimension(vector) != 1:
        raise ArgumentError(
            f"{what} needs a scalar formula, not one of dimension {dimension(vector)}; sum(-1) makes one"
        )
    scalar = coordinates(vector, what)[0]
    weights = () if weight is None else _exprs(weight)
    problem = bind([scalar, *weights], data, over)
    sums = WeightedSums(problem.exprs[1:], 0 if weight is None else dimension(weight))
    plain = with_plain or weight is None
    nq = len(problem.queries.rows)
    top, out = np.full((nq, 1), -np.inf), np.zeros((nq, sums.width + plain))
    with np.errstate(all="ignore"):
        for rows, blocks in problem.blocks(max(1, sums.width)):
            for block in blocks:
                f = block.matrix(problem.exprs[0]).astype(np.float64, copy=False)
                higher = np.maximum(top[rows], f.max(axis=1, keepdims=True))
                scale = np.exp(_finite(top[rows]) - _finite(higher))
                out[rows] = np.where(out[rows] == 0.0, 0.0, out[rows] * scale)  # 0 * inf is 0 here
                f -= _finite(higher)
                np.exp(f, out=f)
                out[rows] += _columns(sums, block, f, plain)
                top[rows] = higher
    return _finite(top), out


def _columns(sums: WeightedSums, block: Problem, weights: Floats64, plain: bool) -> Floats64:
    parts = [sums(block, weights)] if sums.width else []
    return np.concatenate([*parts, weights.sum(axis=1, keepdims=True)] if plain else parts, axis=1)


def _finite(top: Floats64) -> Floats64:
    """What is subtracted before exp: nothing where the largest is infinite or NaN, so that these come out so."""
    return np.where(np.isfinite(top), top, 0.0)


def _exprs(vector: Vector) -> Sequence[Expr]:
    return vector if isinstance(vector, tuple) else (vector,)


def as_kind(result: Any, tensor: bool) -> Any:
    """Arrays, or a pair of them, as torch tensors where an input was one."""
    if not tensor:
        return result
    import torch

    return tuple(map(torch.from_numpy, result)) if isinstance(result, tuple) else torch.from_numpy(result)
