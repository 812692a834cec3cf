"""What the compiler found out about a distance, in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from anear.errors import FormulaError
from anear.formula.expression import Expr, walk
from anear.formula.hoist import Plan
from anear.formula.hoist import fields as fields_of
from anear.formula.properties import Properties
from anear.formula.shapes import lengths
from anear.formula.show import brief
from anear.index.metrics import is_positive, known
from anear.index.objects import lies_in_domain
from anear.index.stages import Stages, stages_of
from anear.spaces.domain import REAL
from anear.spaces.lookup import resolve
from anear.spaces.space import Distance, Resolved

__all__ = ["Explanation", "explain", "explained"]

_INDENT: Final = 18
_WIDE_INDENT: Final = 26
_WIDTH: Final = 110
_MARGIN: Final = 2.0**-60  # what rounding bounds add against underflow; not worth showing


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a distance; ``str()`` gives it in words.

    Attributes
    ----------
    name : the distance's name, or None for a formula.
    formula : its text.
    properties : what was proved or refuted of it, with the reason.
    stages : what the compiler's passes made of it.
    text : all of it in words.
    """

    name: str | None
    formula: str
    properties: Properties
    stages: Stages
    text: str

    def __str__(self) -> str:
        return self.text


def explain(distance: str | Expr | Distance, **params: Any) -> Explanation:
    """Tell what the compiler found out about a distance: its formula, its properties, and how it is searched.

    Parameters
    ----------
    distance, params : as for ``Index``. ``Index.explain()`` tells the same of an index, with numbers for its data.

    Raises
    ------
    ArgumentError, FormulaError : as ``Index`` does.

    Examples
    --------
    >>> print(explain("sum(abs(x - y) ** 3) / sum(y)"))  # doctest: +NORMALIZE_WHITESPACE
    a formula of your own
      formula         sum(abs(x - y) ** 3) / sum(y)
    <BLANKLINE>
    Search
      ordered by      the distance itself
      once a point    p1 = 1 / sum(y)
      for each pair   p1 * sum((x - y) * (x - y) * abs(x - y))
      rounding        ...
    """
    resolved = resolve(distance, **params)
    return explained(resolved, stages_of(resolved.expr, lies_in_domain(resolved, True)), None, None)


def explained(
    resolved: Resolved,
    stages: Stages,
    plan: Plan | None,
    memory: str | None,
    notes: Iterable[tuple[str, str]] = (),
) -> Explanation:
    """The explanation of a distance, or of its use by an index: then with the plan and the memory it takes, and
    further notes, each with a label.
    """
    positive = is_positive(resolved)
    found = known(resolved.expr, positive)
    shown = resolved.distance.formula_text(resolved.params) if resolved.distance is not None else brief(resolved.expr)
    lines = [
        *_head(resolved, shown),
        "",
        "Search",
        *_search(stages, plan, memory),
        *(_line(label, text) for label, text in notes),
        "",
        "Properties" + (" (of positive numbers)" if positive else ""),
        *_properties(resolved, found, positive),
    ]
    return Explanation(resolved.name, shown, found, stages, "\n".join(lines))


def _line(label: str, text: str, indent: int = _INDENT) -> str:
    """A label and a text behind it, wrapped under itself."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=f"  {label}".ljust(indent),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _head(resolved: Resolved, shown: str) -> Iterator[str]:
    distance = resolved.distance
    if distance is None:
        yield "a formula of your own"
        yield _line("formula", shown)
    else:
        yield textwrap.fill(f"{resolved.label}: {distance.summary}", _WIDTH, subsequent_indent="    ")
        yield _line("formula", shown)
        if distance.aliases:
            yield _line("also called", ", ".join(distance.aliases))
        for parameter in distance.parameters:
            yield _line("parameter", f"{parameter.name}: {parameter.meaning} ({parameter.allowed})")
        yield _line("queries", resolved.query_domain.allowed)
        yield _line("points", resolved.point_domain.allowed)
        if distance.notes:
            yield _line("notes", distance.notes)
        if distance.reference:
            yield _line("source", distance.reference)
    for side in ("query", "point"):
        needed = [name if length is None else f"{name} ({length} numbers)" for name, length in _fields(resolved, side)]
        if needed:
            yield _line("needs", f"{side}_data: {', '.join(needed)}")


def _fields(resolved: Resolved, side: str) -> tuple[tuple[str, int | None], ...]:
    return fields_of(resolved.expr, side)


def _search(stages: Stages, plan: Plan | None, memory: str | None) -> Iterator[str]:
    used = plan or stages.expanded or stages.direct
    if stages.outer.op == "prepared":
        yield _line("ordered by", "the distance itself")
    else:
        yield _line("ordered by", f"{brief(stages.rank)}, with which it rises: distance = {brief(stages.outer)}")
    for side in ("query", "point"):
        for text in _once(used, side):
            yield _line(f"once a {side}", text)
    kind = "   (an inner product)" if used.bilinear else ""
    yield _line(
        "for each pair", _named(used.pair, used) + ("   (an inner product of bfloat16)" if used.halved else kind)
    )
    yield _line("rounding", _rounding(used))
    if plan is None and stages.expanded is not None:
        why = "where the points lie so that the bound excludes too few of them (far clusters, huge numbers)"
        yield _line("or directly", f"{_named(stages.direct.pair, stages.direct)}, {why}")
    yield _line("memory", memory or _memory(used))


def _once(plan: Plan, side: str) -> Iterator[str]:
    """What is computed once: the entries that pairs use, without the data themselves, and what is added afterwards."""
    entries = plan.query if side == "query" else plan.point
    used = {node.value[1] for node in walk(plan.pair) if node.op == "prepared" and node.value[0] == side}
    for i, entry in enumerate(entries):
        if i in used and entry.op not in ("x", "y"):
            yield f"{side[0]}{i} = {brief(entry)}"
        if side == "query" and i == plan.offset:
            yield f"{brief(entry)}, the same for all points: added to what is reported"


def _named(expr: Expr, plan: Plan) -> str:
    """A pair in the words of ``_once``: x and y for the data themselves, q0 and p0 for what was computed once."""

    def name(found: re.Match[str]) -> str:
        side, number = found[1], int(found[2])
        entry = (plan.query if side == "query" else plan.point)[number]
        return entry.op if entry.op in ("x", "y") else f"{side[0]}{number}"

    return re.sub(r"\b(query|point)(\d+)\b", name, brief(expr))


def _rounding(plan: Plan) -> str:
    if plan.relative is None:
        beside = ", its error beside it: what may have lost digits is measured again by the formula"
        return f"not bounded by a proof, so it is computed in float64{beside if plan.careful else ''}"
    if plan.halved and plan.relative_to_rank:
        return (
            "to 8 bits, which changes a sum of products none of which is negative by a 128th at most; points that this "
            "cannot rule out are measured again by the formula, in float64, so the answer is that of float64"
        )
    if plan.halved:
        return (
            "to 8 bits; what that loses of a query and of the points is computed with them and bounds the error; "
            "points that this cannot rule out are measured again by the formula, in float64, so the answer is that of "
            "float64"
        )
    a, b = plan.relative
    factors = [] if not plan.relative_to_rank else ["its value"]
    for slot, largest in zip(plan.slack, plan.maxima, strict=True):
        parts = [_without_margin(plan.query[slot]), f"max over points of {_without_margin(largest)}"]
        factors.append(" * ".join(part for part in parts if part not in ("1", "max over points of 1")))
    size = f"{a:.3g} + {b:.3g} D" if b else f"{a:.3g}"
    if not (a or b):
        return "none beyond that of what is computed once"
    whole = factors[0] if len(factors) == 1 else f"({' + '.join(factors)})"
    bound = f"({size}) * 2^-24 of {whole}"
    return (
        f"in float32 off by at most {bound}; points that this cannot rule out are measured again by the formula, "
        "in float64, so the answer is that of float64"
    )


def _without_margin(expr: Expr) -> str:
    """A term of a bound without the tiny number that stands for underflow."""
    if expr.op == "add" and expr.args[1].op == "number" and 0 < expr.args[1].value < _MARGIN:
        expr = expr.args[0]
    return brief(expr)


def _memory(plan: Plan) -> str:
    """Numbers of the prepared form, as a function of the dimension D where a formula fits any."""
    sizes = [_size(plan, dimension) for dimension in (1000, 1001)]
    if sizes[0] is not None and sizes[1] is not None:
        slope = sizes[1] - sizes[0]
        rest = sizes[0] - 1000 * slope
        terms = [("" if slope == 1 else f"{slope} ") + "D" if slope else "", str(rest) if rest or not slope else ""]
        return f"{' + '.join(t for t in terms if t)} numbers a point, beside the points themselves"
    for node in walk(plan.pair):
        if node.op == "constant":  # a captured array fits one dimension alone
            only = _size(plan, node.value.shape[-1])
            if only is not None:
                return f"{only} numbers a point, beside the points themselves"
    return "depends on the dimension"


def _size(plan: Plan, dimension: int) -> int | None:
    try:
        return sum(lengths(entry, dimension)[entry] or 1 for entry in plan.point)
    except FormulaError:
        return None


def _properties(resolved: Resolved, found: Properties, positive: bool) -> Iterator[str]:
    for field in fields(found):
        finding = getattr(found, field.name)
        verdict, reason = str(finding), finding.reason
        if field.name in resolved.claims and verdict != "proved":
            verdict, reason = "stated", "holds for the rows that it takes"
        elif verdict == "refuted" and not (positive or _is_any(resolved)):
            verdict, reason = "unknown", "examples outside of what it takes do not count"
        yield _line(field.name.replace("_", " "), f"{verdict}: {reason}", _WIDE_INDENT)


def _is_any(resolved: Resolved) -> bool:
    return resolved.query_domain is REAL and resolved.point_domain is REAL
