"""Text to formula.

    text --lexical.scan--> limits, words --ast.parse--> tree --_Reader--> Expr

Python's grammar is borrowed, its meaning is not: only the kinds of tree nodes listed in ``_Reader`` are read, each
by a method here, names come from the table of functions and from what the caller captured, and nothing is ever
executed. As in Python, arithmetic between plain numbers, and between captured arrays, is done at once: ``1 / 2 * x``
is ``0.5 * x``.
"""

from __future__ import annotations

import ast
import inspect
import math
import operator
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from anear.errors import FormulaError
from anear.formula.expression import Expr, Operand, as_expr, constant, point_field, query_field, walk, x, y
from anear.formula.lexical import MAX_NODES, Source, nearest, scan
from anear.formula.table import FUNCTIONS

__all__ = ["formula", "parse"]

Value: TypeAlias = Expr | float | int | str | npt.NDArray[np.float64] | slice | None

NAMES: Final[Mapping[str, Value]] = {
    "x": x,
    "y": y,
    "pi": math.pi,
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
}
CALLABLE: Final[Mapping[str, Callable[..., Expr]]] = {
    **FUNCTIONS,
    "point_field": point_field,
    "query_field": query_field,
}
METHODS: Final = frozenset(name for name in FUNCTIONS if hasattr(Expr, name))

_LARGEST_INT: Final = 1 << 53

_BINARY: Final[Mapping[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Pow: ("**", operator.pow),
    ast.Mod: ("%", operator.mod),
    ast.MatMult: ("@", operator.matmul),
    ast.BitOr: ("|", operator.or_),
}
_COMPARE: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
_TURNED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def formula(source: str | Operand, /, **captured: Operand) -> Expr:
    """A formula from text, or the formula itself where it is one already.

    Parameters
    ----------
    source : text such as ``"sum(abs(x - y))"``, an expression, or a number.
    captured : numbers, vectors and matrices (or formulas) that the text calls by name.

    Raises
    ------
    FormulaError
        Where the text cannot be read; the message shows the column and what is allowed.

    Examples
    --------
    >>> formula("sum(w * (x - y) ** 2)", w=[0.31, 2.07, 3.9])
    sum(w * (x - y) ** 2)
    >>> formula("abs(x - z)")
    Traceback (most recent call last):
    ...
    anear.errors.FormulaError: unknown name 'z'; there are e, inf, nan, pi, x, y (column 9)
        abs(x - z)
                ^
    """
    if isinstance(source, str):
        return parse(source, captured)
    if captured:
        raise FormulaError(f"names are captured only by text; unexpected {', '.join(sorted(captured))}")
    return as_expr(source)


def parse(text: str, captured: Mapping[str, Operand] | None = None) -> Expr:
    """The formula that a text says; ``captured`` are values that the text calls by name. See :func:`formula`."""
    if not isinstance(text, str):
        raise FormulaError(f"a formula's text must be a str, not {type(text).__name__}")
    source = Source(text)
    code = scan(source)
    if not code.strip():
        raise FormulaError('the formula is empty; write one of x and y, such as "sum(abs(x - y))"')
    result = _Reader(source, code, captured or {}).read()
    count = sum(1 for _ in walk(result))
    if count > MAX_NODES:
        raise FormulaError(f"a formula has at most {MAX_NODES} operations; this one has {count}")
    return result


class _Reader:
    """Turns Python's tree of a text into an expression, without recursion."""

    def __init__(self, source: Source, code: str, captured: Mapping[str, Operand]) -> None:
        self.source = source
        self.lead = len(code) - len(code.lstrip())  # leading spaces mean something to Python, not here
        self.code = code[self.lead :]
        self.names: dict[str, Value] = dict(NAMES)
        self.array_names: dict[int, str] = {}
        for name, value in captured.items():
            # as Python does with the names that it reads
            self.names[unicodedata.normalize("NFKC", str(name))] = self._capture(name, value)

    def read(self) -> Expr:
        """The expression: that of the last statement; those before it give names to parts."""
        *parts, last = self._statements()
        for statement in parts:
            if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
                raise self._error("only the last part is the formula; those before it have the form t = ...", statement)
            target = statement.targets[0]
            if not isinstance(target, ast.Name) or target.id in ("x", "y"):
                raise self._error("a part gets a plain name other than x and y", target)
            self.names[target.id] = self._value(statement.value)
        if not isinstance(last, ast.Expr):
            raise self._error("the last part must be the formula itself, without a name", last)
        return self._expr(self._value(last.value))

    def _statements(self) -> list[ast.stmt]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as that 2(x) is probably missing an operator
                return ast.parse(self.code).body
        except SyntaxError as error:
            position = self.lead + max(0, (error.offset or 1) - 1)
            raise self.source.error(f"the formula cannot be read: {error.msg}", position) from None
        except (RecursionError, MemoryError, ValueError):
            raise FormulaError(
                "the formula's chain of operators is too long; write it in parts: t = ...; ..."
            ) from None

    def _value(self, root: ast.expr) -> Value:
        values: list[Value] = []
        stack: list[tuple[ast.AST, int]] = [(root, -1)]  # -1: its operands are still to be read
        while stack:
            node, count = stack.pop()
            try:
                if count < 0:
                    operands = self._operands(node)
                    stack.append((node, len(operands)))
                    stack.extend((operand, -1) for operand in reversed(operands))
                else:
                    taken = values[len(values) - count :]
                    del values[len(values) - count :]
                    with np.errstate(all="ignore"):
                        values.append(self._finish(node, taken))
            except ZeroDivisionError:
                raise self._error("division by zero", node) from None
            except OverflowError:
                raise self._error("the number is too large for float64", node) from None
            except (FormulaError, TypeError, ValueError, LookupError, MemoryError) as error:
                raise self._error(str(error), node) from None
        return values[0]

    # --- the kinds of nodes that are read

    def _operands(self, node: ast.AST) -> list[ast.expr]:
        """The nodes below that have a value of their own; refuses every kind of node not listed."""
        match node:
            case ast.Constant() | ast.Name():
                return []
            case ast.BinOp(left, sign, right) if type(sign) in _BINARY:
                return [left, right]
            case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
                return [operand]
            case ast.Compare(left, [sign], [right]) if type(sign) in _COMPARE:
                return [left, right]
            case ast.Compare(_, [_, _, *_], _):
                raise FormulaError("comparisons do not chain here: write (a < b) * (b < c) for a < b < c")
            case ast.Call(func, args, keywords) if all(k.arg for k in keywords):
                owner = [func.value] if isinstance(func, ast.Attribute) else []
                return [*owner, *args, *(k.value for k in keywords)]
            case ast.Attribute(value, "T"):
                return [value]
            case ast.Attribute(_, name):
                raise FormulaError(f"{name!r} is no attribute; a method is called: .{name}()")
            case ast.Subscript(value, key):
                return [value, key]
            case ast.Slice(lower, upper, step):
                return [part for part in (lower, upper, step) if part is not None]
            case ast.List(elements):
                return elements
        what = "a tuple (vectors are written [1, 2])" if isinstance(node, ast.Tuple) else type(node).__name__
        raise FormulaError(f"{what} is not part of a formula")

    def _finish(self, node: ast.AST, values: list[Value]) -> Value:
        match node:
            case ast.Constant(value):
                return self._constant(value)
            case ast.Name(name):
                return self._name(name)
            case ast.BinOp(_, sign, _):
                return self._binary(*_BINARY[type(sign)], *values)
            case ast.UnaryOp(sign, _):
                return self._sign(values[0], isinstance(sign, ast.USub))
            case ast.Compare(_, [sign], _):
                return self._compare(_COMPARE[type(sign)], *values)
            case ast.Call():
                return self._call(node, values)
            case ast.Subscript():
                return self._subscript(*values)
            case ast.Slice(lower, upper, step):
                given = iter(values)
                return slice(*(None if part is None else next(given) for part in (lower, upper, step)))
            case ast.List():
                return self._list(values)
        owner = values[0]  # the one kind left is `.T`
        return owner.T if isinstance(owner, np.ndarray) else self._expr(owner).T

    def _constant(self, value: object) -> Value:
        if isinstance(value, bool) or not isinstance(value, (int, float, str, type(None))):
            raise FormulaError(f"{value!r} is not part of a formula")
        return float(value) if isinstance(value, int) and abs(value) > _LARGEST_INT else value

    def _name(self, name: str) -> Value:
        if name in self.names:
            return self.names[name]
        if name in CALLABLE:
            raise FormulaError(f"{name!r} is a function: write {_signature(name)}")
        raise FormulaError(f"unknown name {name!r}; {nearest(name, self.names)}")

    def _binary(self, sign: str, function: Callable[[Any, Any], Any], a: Value, b: Value) -> Value:
        if not (_is_plain(a) and _is_plain(b)) or sign == "|":
            result: Value = function(self._expr(a), self._expr(b))
            return result
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            fits = a.shape[-1] == b.shape[0] if sign == "@" else a.shape == b.shape
            if not fits:
                raise FormulaError(f"arrays of shapes {a.shape} and {b.shape} do not fit")
        if not (isinstance(a, int) and isinstance(b, int) and sign in "+-*"):
            a, b = _as_float(a), _as_float(b)
        return _plain(function(a, b))

    def _sign(self, value: Value, negative: bool) -> Value:
        if not _is_plain(value):
            return -self._expr(value) if negative else self._expr(value)
        return _plain(-value if negative else value)  # type: ignore[operator]

    def _compare(self, name: str, a: Value, b: Value) -> Value:
        if _is_plain(a) and _is_plain(b):
            return _plain(np.asarray(getattr(operator, name)(a, b), dtype=np.float64))
        if _is_plain(a) and name in _TURNED:  # Python turns `1 < x` round, so that it is the same as `x > 1`
            return FUNCTIONS[_TURNED[name]](self._expr(b), self._expr(a))
        return FUNCTIONS[name](self._expr(a), self._expr(b))

    def _call(self, node: ast.Call, values: list[Value]) -> Value:
        function, name = self._function(node, values)
        texts = isinstance(node.func, ast.Name) and name in ("point_field", "query_field")
        arguments = [self._argument(value, texts) for value in values]
        first = len(arguments) - len(node.keywords)
        options = {str(k.arg): value for k, value in zip(node.keywords, arguments[first:], strict=True)}
        try:
            inspect.signature(function).bind(*arguments[:first], **options)
        except TypeError as error:
            raise FormulaError(f"{_signature(name)}: {error}") from None
        return function(*arguments[:first], **options)

    def _function(self, node: ast.Call, values: list[Value]) -> tuple[Callable[..., Expr], str]:
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if name not in METHODS:
                raise FormulaError(f"unknown method {name!r}; {nearest(name, METHODS)}")
            function: Callable[..., Expr] = getattr(self._expr(values.pop(0)), name)
            return function, name
        if not isinstance(node.func, ast.Name):
            raise FormulaError("only functions are called; a product is written with *")
        name = node.func.id
        if name in CALLABLE:
            return CALLABLE[name], name
        if name in self.names:
            raise FormulaError(f"{name!r} is not a function; a product is written with *")
        raise FormulaError(f"unknown function {name!r}; {nearest(name, CALLABLE)}")

    def _argument(self, value: Value, texts: bool) -> Value:
        if isinstance(value, str) and not texts:
            raise FormulaError(f"text {value!r} can only name a field: point_field({value!r}), query_field({value!r})")
        return self._expr(value) if isinstance(value, np.ndarray) else value

    def _subscript(self, owner: Value, key: Value) -> Value:
        if isinstance(owner, np.ndarray):
            return _plain(owner[key])  # type: ignore[index]
        return self._expr(owner)[key]  # type: ignore[index]

    def _list(self, values: list[Value]) -> Value:
        if not all(_is_plain(value) for value in values):
            raise FormulaError("brackets hold a vector's numbers, [1, 2, 3], or a matrix's rows, [[1, 2], [3, 4]]")
        if len({np.shape(value) for value in values}) > 1:  # type: ignore[arg-type]
            raise FormulaError("the rows of a matrix must be equally long")
        array = np.array(values, dtype=np.float64)
        if array.size == 0 or array.ndim > 2:
            raise FormulaError("a vector has at least one number, and a matrix two levels of brackets")
        return array

    # --- values

    def _capture(self, name: str, value: Operand) -> Value:
        if not isinstance(name, str) or not name.isidentifier() or name in ("x", "y"):
            raise FormulaError(f"a captured value's name has letters, digits and _, and is not x or y; got {name!r}")
        try:
            expr = as_expr(value)
        except FormulaError as error:
            raise FormulaError(f"captured {name!r}: {error}") from None
        if isinstance(value, Expr) and expr.op != "constant":
            return expr
        if expr.op == "number":
            whole = isinstance(value, (int, np.integer)) and abs(expr.value) <= _LARGEST_INT
            return int(expr.value) if whole else float(expr.value)
        array: npt.NDArray[np.float64] = expr.value.values
        self.array_names[id(array)] = name
        return array

    def _expr(self, value: Value) -> Expr:
        if isinstance(value, np.ndarray):
            return constant(value, self.array_names.get(id(value)))
        if value is None or isinstance(value, (str, slice)):
            raise FormulaError(f"{value!r} stands where a formula or a number must stand")
        return as_expr(value)

    # --- errors

    def _error(self, message: str, node: ast.AST) -> FormulaError:
        """The error at a node's place: at the sign of an operation, at the name of a method."""
        start, end = getattr(node, "col_offset", 0), 0
        match node:
            case ast.BinOp(left, _, right) | ast.Compare(left, _, [right, *_]):
                start, end = left.end_col_offset or 0, right.col_offset
            case ast.Call(ast.Attribute(_, name) as func) | (ast.Attribute(_, name) as func):
                start = (func.end_col_offset or 0) - len(name.encode())
        raw = self.code.encode("utf-8", "replace")
        between = raw[start:end]
        start += len(between) - len(between.lstrip(b" )"))
        return self.source.error(message, self.lead + len(raw[:start].decode("utf-8", "ignore")))


def _is_plain(value: Value) -> bool:
    return isinstance(value, (int, float, np.ndarray))


def _as_float(value: Value) -> Any:
    return value if isinstance(value, np.ndarray) else float(value)  # type: ignore[arg-type]


def _plain(value: Any) -> Value:
    """A computed number or array as Python's; what is no real number is refused."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    if isinstance(value, complex):
        raise FormulaError("a negative number to a broken power is no real number")
    if isinstance(value, int):
        return value if abs(value) <= _LARGEST_INT else float(value)
    return float(value)


def _signature(name: str) -> str:
    """How a function is called, for messages."""
    shown = []
    for parameter in inspect.signature(CALLABLE[name]).parameters.values():
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        shown.append(f"{star}{parameter.name}{default}")
    return f"{name}({', '.join(shown)})"
