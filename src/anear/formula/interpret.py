"""The value of a formula in float64, by NumPy: the reference that every compiled kernel is judged by.

Works through queries and points in chunks, so that the memory it needs does not grow with the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.errors import ArgumentError
from anear.formula.expression import Expr, walk
from anear.formula.shapes import lengths

__all__ = ["MEMORY", "OPERATIONS", "evaluate"]

Floats = npt.NDArray[np.float64]

MEMORY: Final = 64 << 20
"""Bytes of intermediate values held at a time (the result not counted)."""


def _xlogy(a: Floats, b: Floats) -> Floats:
    zero = a == 0.0
    return np.where(zero, 0.0, a * np.log(np.where(zero, 1.0, b)))


def _where(condition: Floats, a: Floats, b: Floats) -> Floats:
    return np.where(condition != 0.0, a, b)


def _float(compare: Callable[[Any, Any], Any]) -> Callable[[Floats, Floats], Floats]:
    return lambda a, b: np.asarray(compare(a, b), dtype=np.float64)


OPERATIONS: Final[Mapping[str, Callable[..., Floats]]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": lambda a: np.sqrt(a) + 0.0,  # -0 becomes 0, whose inverse is no less than 0 either
    "rsqrt": lambda a: 1.0 / (np.sqrt(a) + 0.0),
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arcosh": np.arccosh,
    "sign": np.sign,
    "floor": np.floor,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "mod": np.mod,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "arctan2": np.arctan2,
    "xlogy": _xlogy,
    "lt": _float(np.less),
    "le": _float(np.less_equal),
    "gt": _float(np.greater),
    "ge": _float(np.greater_equal),
    "eq": _float(np.equal),
    "ne": _float(np.not_equal),
    "where": _where,
    "sum": lambda a: np.sum(a, axis=-1, keepdims=True),
    "prod": lambda a: np.prod(a, axis=-1, keepdims=True),
    "max": lambda a: np.asarray(np.max(a, axis=-1, keepdims=True), np.float64),
    "min": lambda a: np.asarray(np.min(a, axis=-1, keepdims=True), np.float64),
    "cumsum": lambda a: np.cumsum(a, axis=-1),
}
"""What each operation computes; values are arrays (queries, points, coordinates), 1 long where they do not vary."""


def evaluate(
    expr: Expr,
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    point_data: Mapping[str, npt.ArrayLike] | None = None,
    query_data: Mapping[str, npt.ArrayLike] | None = None,
    *,
    prepared: Mapping[tuple[str, int], npt.ArrayLike] | None = None,
) -> Floats:
    """The value of ``expr`` for every query and every point, in float64.

    Parameters
    ----------
    expr : the formula.
    X : queries (nq, D); one vector (D,) is one query.
    Y : points (n, D); one vector is one point.
    point_data : for each point field its array (n,) or (n, length).
    query_data : for each query field its array (nq,) or (nq, length).
    prepared : for formulas with prepared leaves, (side, index) -> array (rows,) or (rows, length).

    Returns
    -------
    (nq, n) for a scalar formula, (nq, n, length) for a vector.

    Raises
    ------
    FormulaError
        Where the formula does not fit the dimension D.
    ArgumentError
        Where data are missing or of a wrong shape.

    Examples
    --------
    >>> from anear.formula import sum, x, y
    >>> evaluate(sum(abs(x - y)), [[0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]])
    array([[3., 7.]])
    """
    queries, points = _rows("X", X), _rows("Y", Y)
    if queries.shape[1] != points.shape[1]:
        raise ArgumentError(f"X has {queries.shape[1]} coordinates and Y has {points.shape[1]}; they must be equal")
    leaves = _leaves(expr, queries, points, {"point": point_data or {}, "query": query_data or {}}, prepared or {})
    held = {(n.value[0], n.value[1]): leaves[n].shape[-1] for n in leaves if n.op == "prepared"}
    sizes = lengths(expr, queries.shape[1], held)
    nq, n = len(queries), len(points)
    out = np.empty((nq, n, sizes[expr] or 1))
    q_step, p_step = _chunks(sizes, nq, n)
    with np.errstate(all="ignore"):
        for q in range(0, nq, q_step):
            for p in range(0, n, p_step):
                rows, columns = slice(q, q + q_step), slice(p, p + p_step)
                out[rows, columns] = _value(expr, leaves, rows, columns)
    return out if expr.is_vector else out[..., 0]


def _value(expr: Expr, leaves: Mapping[Expr, Floats], rows: slice, columns: slice) -> Floats:
    """The value for some queries and points; an intermediate value is dropped after its last use."""
    nodes = list(walk(expr))
    uses = Counter(a for node in nodes for a in node.args)
    values: dict[Expr, Floats] = {}
    for node in nodes:
        if node in leaves:
            leaf = leaves[node]
            varies = leaf.shape[0] > 1, leaf.shape[1] > 1
            values[node] = leaf[rows if varies[0] else slice(None), columns if varies[1] else slice(None)]
        elif not node.is_matrix:
            values[node] = _apply(node, values)
        for a in set(node.args):
            uses[a] -= node.args.count(a)
            if uses[a] == 0:
                values.pop(a, None)
    return values[expr]


def _apply(node: Expr, values: Mapping[Expr, Floats]) -> Floats:
    if node.op == "index":
        a = values[node.args[0]]
        at = node.value % a.shape[-1]
        return a[..., at : at + 1]
    if node.op == "slice":
        return values[node.args[0]][..., slice(*node.value)]
    if node.op == "matvec":
        matrix: Floats = node.args[0].value.values
        product: Floats = np.matmul(values[node.args[1]], matrix.T)
        return product
    return OPERATIONS[node.op](*(values[a] for a in node.args))


def _chunks(sizes: Mapping[Expr, int | None], nq: int, n: int) -> tuple[int, int]:
    """How many queries and points at a time keep the intermediate values within MEMORY."""
    # every node's value is counted as if all were alive at once, and one temporary beside the widest
    pair = 8 * (sum(size or 1 for size in sizes.values()) + max(size or 1 for size in sizes.values()))
    pairs = max(1, MEMORY // pair)
    q_step = min(nq, max(1, pairs // max(1, n))) or 1
    return q_step, max(1, min(n, pairs // q_step))


def _leaves(
    expr: Expr,
    queries: Floats,
    points: Floats,
    data: Mapping[str, Mapping[str, npt.ArrayLike]],
    prepared: Mapping[tuple[str, int], npt.ArrayLike],
) -> dict[Expr, Floats]:
    """The leaves' values, as arrays (queries or 1, points or 1, length or 1)."""
    result: dict[Expr, Floats] = {}
    for node in walk(expr):
        if node.op == "x":
            result[node] = queries[:, None, :]
        elif node.op == "y":
            result[node] = points[None, :, :]
        elif node.op == "number":
            result[node] = np.full((1, 1, 1), node.value)
        elif node.op == "constant" and not node.is_matrix:
            result[node] = node.value.values[None, None, :]
        elif node.op in ("point_field", "query_field"):
            side = node.op.removesuffix("_field")
            result[node] = _field(side, node, data[side], len(points) if side == "point" else len(queries))
        elif node.op == "prepared":
            result[node] = _prepared(node, prepared, len(queries), len(points))
    return result


def _field(side: str, node: Expr, data: Mapping[str, npt.ArrayLike], count: int) -> Floats:
    name, length = node.value
    if name not in data:
        known = ", ".join(sorted(data)) or "nothing"
        raise ArgumentError(f"{side}_data lacks {name!r}, which the formula uses; it holds {known}")
    array = _numbers(f"{side}_data[{name!r}]", data[name])
    shape = (count,) if length is None else (count, length)
    if array.shape != shape and not (length is None and array.shape == (count, 1)):
        raise ArgumentError(f"{side}_data[{name!r}] must be of shape {shape}, not {array.shape}")
    array = array.reshape(count, length or 1)
    return array[None, :, :] if side == "point" else array[:, None, :]


def _prepared(node: Expr, prepared: Mapping[tuple[str, int], npt.ArrayLike], nq: int, n: int) -> Floats:
    side, number, vector = node.value
    if (side, number) not in prepared:
        raise ArgumentError(f"prepared lacks ({side!r}, {number})")
    array = _numbers(f"prepared[{side!r}, {number}]", prepared[side, number])
    array = array if vector else array[..., None]
    if side not in ("query", "point"):
        return array  # of pairs: (nq, n) or (nq, n, length)
    if array.ndim != 2 or len(array) != (n if side == "point" else nq):
        raise ArgumentError(
            f"prepared[{side!r}, {number}] of shape {array.shape} does not fit {nq} queries and {n} points"
        )
    return array[None, :, :] if side == "point" else array[:, None, :]


def _rows(name: str, values: npt.ArrayLike) -> Floats:
    array = _numbers(name, values)
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2 or array.shape[1] == 0:
        raise ArgumentError(f"{name} must be a matrix, one row a vector; its shape is {array.shape}")
    return array


def _numbers(name: str, values: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{name} must be an array of numbers: {error}") from None
