"""How long every vector of a formula is once the dimension of the data is known."""

from __future__ import annotations

from collections.abc import Mapping

from anear.errors import FormulaError
from anear.formula.expression import Expr, walk

__all__ = ["lengths", "require_scalar"]


def lengths(
    expr: Expr, dimension: int, prepared: Mapping[tuple[str, int], int | None] | None = None
) -> dict[Expr, int | None]:
    """The number of coordinates of each node (None: a scalar), operands before the nodes that use them.

    Parameters
    ----------
    expr : any formula, or the pair of a plan.
    dimension : D, the number of coordinates of ``x`` and ``y``; at least 1.
    prepared : for formulas with prepared leaves, (side, index) -> length.

    Raises
    ------
    FormulaError
        Where vectors of different lengths meet, or a coordinate or slice lies outside.

    Examples
    --------
    >>> from anear.formula import x, y
    >>> lengths(x[1:] * y[1:], 3)[x[1:]]
    2
    """
    result: dict[Expr, int | None] = {}
    for node in walk(expr):
        result[node] = _length(node, result, dimension, prepared or {}) if node.is_vector else None
        if node.op == "index":
            _check_index(node, result[node.args[0]], dimension)
    return result


def require_scalar(expr: Expr) -> Expr:
    """``expr`` itself where it is a scalar; a distance must be one.

    Raises
    ------
    FormulaError
        Where it has one value a coordinate; the message says how to make it a scalar.
    """
    if expr.is_vector:
        raise FormulaError(
            f"a distance must be one number, but {expr!r:.200} has one a coordinate: "
            "wrap it in a reduction, such as sum(...), max(...) or norm(...)"
        )
    return expr


def _length(
    node: Expr, known: Mapping[Expr, int | None], dimension: int, prepared: Mapping[tuple[str, int], int | None]
) -> int | None:
    if node.op in ("x", "y"):
        return dimension
    if node.op == "prepared":
        return prepared[node.value[0], node.value[1]]
    if node.op == "slice":
        return _slice_length(node, known[node.args[0]], dimension)
    if node.op == "matvec":
        _check_matvec(node, known[node.args[1]], dimension)
    if not node.args or node.op == "matvec":
        return node.length
    vectors = [a for a in node.args if a.is_vector]
    for a in vectors[1:]:
        if known[a] != known[vectors[0]]:
            raise FormulaError(
                f"{node!r:.200}: {vectors[0]!r:.200} has {known[vectors[0]]} coordinates and {a!r:.200} has {known[a]}"
                f" (the data have {dimension})"
            )
    return known[vectors[0]]


def _slice_length(node: Expr, length: int | None, dimension: int) -> int:
    assert length is not None
    taken = len(range(*slice(*node.value).indices(length)))
    if taken == 0:
        raise FormulaError(
            f"{node!r:.200} is empty: {node.args[0]!r:.200} has {length} coordinates (the data have {dimension})"
        )
    return taken


def _check_index(node: Expr, length: int | None, dimension: int) -> None:
    assert length is not None
    if not -length <= node.value < length:
        raise FormulaError(
            f"{node!r:.200} is outside: {node.args[0]!r:.200} has {length} coordinates (the data have {dimension})"
        )


def _check_matvec(node: Expr, length: int | None, dimension: int) -> None:
    rows, columns = node.args[0].value.shape
    if length != columns:
        raise FormulaError(
            f"{node!r:.200}: a matrix of {rows} x {columns} needs a vector of {columns} coordinates,"
            f" but {node.args[1]!r:.200} has {length} (the data have {dimension})"
        )
