"""Building each method: which tables it takes, and what else it must be given."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.errors import ArgumentError
from anear.formula.hoist import Plan
from anear.index.arguments import Progress, shown
from anear.index.choice import choose_plan, too_bold, walk_precision
from anear.index.objects import viewed
from anear.index.tables import CompiledTable, Space
from anear.spaces.domain import Domain
from anear.spaces.space import Resolved

if TYPE_CHECKING:
    from anear.formula.bounds import Bound
    from anear.index.boxes import Columns, Range
    from anear.index.ids import Ids

# What a tree needs is imported where one is built: a scan never pays for it.

__all__ = ["APPROXIMATE", "GRAPHS", "METHODS", "Built", "Stored", "build", "checked_options"]

SPLITS = ("auto", "spread", "round_robin", "geodesic")
METHODS = (*_core.methods(), "auto")
GRAPHS = tuple(name for name, one in _core.methods().items() if one["graph"])
APPROXIMATE = tuple(
    name for name, one in _core.methods().items() if any(known["name"] == "ef" for known in one["search_parameters"])
)
_OPTIONS: Mapping[str, Mapping[str, tuple[str | int, ...]]] = {
    "flat": {},
    "kd_tree": {"split": SPLITS},
    "ball_tree": {},
    "auto": {},
    "ivf": {"codes": ("auto", 0, 4, 8)},
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file holds of a method, which is made of it instead of being built.

    Attributes
    ----------
    arrays : the core's, by name.
    form : how prepared rows among them are laid out; made by another version they may be laid out otherwise.
    look : whether all numbers are checked first; arrays on disk would be read for it from end to end.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    form: str = ""
    look: bool = True


@dataclass(frozen=True, slots=True)
class Built:
    """A method built over points: the core's object, the plan it scans with, and for trees what they prune with.

    ``scans``: it looks at every point, whatever limits are set. ``everywhere``: the bound holds for all queries that
    pass the checks. ``form``: see :class:`Stored`. ``ids``: what the points are called; None: by their row numbers.
    ``row_form``: makes of rows, and of their coordinates, what a graph takes. ``bits``: of the codes that are searched
    through; 0: none. Lines for people: ``words`` say what was
    proved of the bound, ``choice`` which method was chosen and why.
    """

    core: Any
    plan: Plan
    bound: Bound | None = None
    words: tuple[str, ...] = ()
    choice: tuple[str, ...] = ()
    scans: bool = False
    everywhere: bool = False
    ids: Ids | None = None
    row_form: Callable[[npt.NDArray[Any], npt.NDArray[Any]], Any] | None = None
    form: str = ""
    bits: int = 0

    def stored(self) -> Stored:
        """What the method can be made again from: the core's own memory, valid until it changes."""
        return Stored(getattr(self.core, "parts", {}), self.form)

    @property
    def ranged(self) -> bool:
        """Whether queries that pass the checks may lie where the bound was not proved."""
        return not (self.everywhere or self.bound is None or self.bound.query_range == (-math.inf, math.inf))

    def outside(self, queries: npt.NDArray[Any]) -> bool:
        """Whether a coordinate of the queries lies where the bound was not proved."""
        if self.bound is None or not self.ranged:
            return False
        low, high = self.bound.query_range
        with np.errstate(invalid="ignore"):  # NaN, where it is allowed
            return bool(np.minimum.reduce(queries, None) < low or np.maximum.reduce(queries, None) > high)


def checked_options(method: Any, options: Any) -> dict[str, Any]:
    """The method's own parameters, with the defaults of those not given."""
    if not isinstance(method, str) or method not in METHODS:
        raise ArgumentError(f"method is {shown(method)}; allowed: {', '.join(METHODS)}")
    if options is not None and not isinstance(options, Mapping):
        raise ArgumentError(f"options is {shown(options)}; allowed: a dict of the method's own parameters")
    known: dict[str, Any] = dict(_OPTIONS.get(method, {}))
    if method in APPROXIMATE:
        known |= {one["name"]: one for one in _core.methods()[method]["build_parameters"] if one["name"] != "bits"}
    if method in GRAPHS:
        from anear.index.building import WORDS

        known |= {"codes": (0, 4, 8), "index_distance": WORDS}
    spelt = {_letters(name): name for name in known}  # efConstruction means ef_construction, as NMSLIB writes it
    given = {}
    for name, value in (options or {}).items():
        if _letters(name) not in spelt:
            near = difflib.get_close_matches(_letters(name), spelt, n=1, cutoff=0.5)
            allowed = f"{method} has {', '.join(known)}" if known else f"{method} has none"
            meant = f"did you mean {spelt[near[0]]!r}? " if near else ""
            raise ArgumentError(f"options holds {shown(name)}; {meant}{allowed}")
        name = spelt[_letters(name)]
        given[name] = _option(name, value, known[name])
    return {name: given.get(name, _default(one)) for name, one in known.items()}


def _letters(name: Any) -> str:
    return str(name).replace("_", "").lower()


def _default(known: Any) -> Any:
    if not isinstance(known, dict):
        return known[0]
    return int(known["default"]) if known["type"] == "int" else known["default"]


def _option(name: str, value: Any, known: Any) -> Any:
    """One option's value: one of some words, or a number as the core declares it."""
    if name == "index_distance":
        from anear.index.building import checked_word

        return checked_word(value)
    if not isinstance(known, dict):
        if value in known:
            return value
        raise ArgumentError(f"options[{name!r}] is {shown(value)}; allowed: {', '.join(map(str, known))}")
    whole = known["type"] == "int"
    number = isinstance(
        value, (int, np.integer) if whole else (int, float, np.integer, np.floating)
    ) and not isinstance(value, bool)
    if not number or not known["low"] <= value <= known["high"]:
        kind = "a whole number" if whole else "a number"
        raise ArgumentError(
            f"options[{name!r}] is {shown(value)}; allowed: {kind} from {known['low']:g} to {known['high']:g}"
        )
    return int(value) if whole else float(value)


def build(
    method: str,
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    options: Mapping[str, Any],
    team: int,
    progress: Progress | None,
    checked: bool = True,
    stored: Stored | None = None,
) -> Built:
    """The method over the rows; ``checked``: they and all queries keep to the distance's domain."""
    if method == "kd_tree":
        return _kd_tree(space, rows, resolved, options["split"], team, progress, stored)
    if method == "auto":
        return _auto(space, rows, resolved, team, progress, checked)
    if method == "ball_tree":
        return _ball_tree(space, rows, resolved, checked, team, progress, stored)
    if method in GRAPHS:
        return _graph(method, space, rows, resolved, options, team, progress, checked, stored)
    if method == "ivf":
        return _ivf(space, rows, resolved, options, team, progress, checked, stored)
    built = _flat(space, rows, choose_plan(space, rows), team, progress)
    if too_bold(space, built.plan, rows, built.core.maxima):
        return _flat(space, rows, choose_plan(space, rows, boldly=False), team, progress)
    return built


def _flat(space: Space, rows: npt.NDArray[Any], plan: Plan, team: int, progress: Progress | None) -> Built:
    table = space.search_table(plan)
    return Built(_index("flat", space, rows, plan, table, space.precision(plan), {}, team, progress), plan, scans=True)


def _kd_tree(
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    split: str,
    team: int,
    progress: Progress | None,
    stored: Stored | None,
) -> Built:
    from anear.index.boxes import boxes_of

    domain = _numbers(resolved.query_domain) if space.checked else _ANY
    columns = _columns(resolved.point_domain), _columns(resolved.query_domain)
    boxes = boxes_of(
        space,
        rows,
        split,
        _numbers(resolved.point_domain) if space.checked else _ANY,
        domain,
        columns if space.checked else ((), ()),
    )
    if boxes is None:
        raise ArgumentError(
            f"method is 'kd_tree', which needs a bound of the distance over a box; none was found for {resolved.expr}; "
            "method='flat' serves it"
        )
    plan = space.stages.direct
    table = space.leaf_table(plan, boxes.arithmetic)
    parameters = {"round_robin": float(split == "round_robin")}
    core = _index(
        "kd_tree", space, rows, plan, table, boxes.arithmetic, parameters, team, progress,
        boxes=boxes.core, stored=stored,
    )  # fmt: skip
    low, high = boxes.bound.query_range
    return Built(core, plan, boxes.bound, boxes.bound.words, everywhere=low <= domain[0] and domain[1] <= high)


def _ball_tree(
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    checked: bool,
    team: int,
    progress: Progress | None,
    stored: Stored | None,
) -> Built:
    from anear.index.balls import balls_of

    balls = balls_of(space, resolved, checked)
    if isinstance(balls, str):
        raise ArgumentError(
            f"method is 'ball_tree', which needs a metric, and {resolved.label} is not known to be one: {balls}; "
            "method='flat' serves every distance, method='kd_tree' those with a bound over boxes"
        )
    plan = space.stages.direct
    table = space.leaf_table(plan, balls.arithmetic)
    core = _index(
        "ball_tree", space, rows, plan, table, balls.arithmetic, {}, team, progress, balls=balls.core, stored=stored
    )
    return Built(core, plan, words=balls.words)


def _graph(
    method: str,
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    options: Mapping[str, Any],
    team: int,
    progress: Progress | None,
    checked: bool,
    stored: Stored | None,
) -> Built:
    from anear.index.building import build_by
    from anear.index.graphs import code_form, prepared_form, row_form

    plan = space.stages.direct
    coded = stored is not None and "codes" in stored.arrays  # then it was so before, whatever has been added
    precision = space.precision(plan) if coded else walk_precision(space, plan, rows)
    table = space.row_table(plan, precision)
    make_form = partial(row_form, space, table.layout, method, resolved, checked)
    form = make_form(rows, np.ascontiguousarray(rows[:, : space.dimension]))
    if stored is None:
        build_by(form, options["index_distance"], space, rows, resolved, method, checked, options["codes"])
    bits = options["codes"]
    expanded = space.stages.expanded
    if options.get("beside") and (bits != 4 or expanded is None or not expanded.bilinear):
        raise ArgumentError(
            f"options['beside'] is 1, which needs options={{'codes': 4}} and a formula that is an inner product"
            f" (anear.explain says); codes is {bits}, the formula {resolved.expr}; allowed: 0"
        )
    codes, layout = code_form(space, plan, precision, bits) if bits else (None, None)
    name = prepared_form(table.layout, layout, bits)
    numbers = {option: value for option, value in options.items() if option not in ("codes", "index_distance")}
    core = _index(
        method, space, rows, plan, table, precision, numbers, team, progress,
        row_form=form, code_form=codes, stored=still_fit(stored, name),
    )  # fmt: skip
    return Built(core, plan, row_form=make_form, form=name, bits=int(options["codes"]))


def _ivf(
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    options: Mapping[str, Any],
    team: int,
    progress: Progress | None,
    checked: bool,
    stored: Stored | None,
) -> Built:
    from anear.index.lists import listed

    make = partial(_index, "ivf", space, rows, team=team, progress=progress)
    return listed(space, rows, resolved, options, checked, stored, make)


def still_fit(stored: Stored | None, form: str) -> Stored | None:
    """What was stored, without what was prepared in another form."""
    if stored is None or stored.form == form:
        return stored
    left = {part: array for part, array in stored.arrays.items() if not part.startswith(("rows", "maxima", "code"))}
    return replace(stored, arrays=left)


def _auto(
    space: Space, rows: npt.NDArray[Any], resolved: Resolved, team: int, progress: Progress | None, checked: bool
) -> Built:
    from anear.index.auto import chosen
    from anear.index.metrics import lacking

    def make(method: str, points: npt.NDArray[Any]) -> Built:
        options = checked_options(method, None)
        return build(method, space, points, resolved, options, team, progress, checked)

    built, core, choice = chosen(space, rows, make, lambda: lacking(resolved, checked))
    return replace(built, core=core, choice=choice)


_ANY: Range = (-math.inf, math.inf)


def _numbers(domain: Domain) -> Range:
    """The least and the greatest number that a row of the domain may hold."""
    plain = [rule for rule in domain.rules if rule.column is None and rule.measure is None]
    return max((r.low for r in plain), default=-math.inf), min((r.high for r in plain), default=math.inf)


def _columns(domain: Domain) -> Columns:
    """The same of single columns."""
    rules = [rule for rule in domain.rules if rule.column is not None and rule.measure is None]
    return tuple((rule.column, rule.low, rule.high) for rule in rules if rule.column is not None and rule.column >= 0)


def _index(
    method: str,
    space: Space,
    rows: npt.NDArray[Any],
    plan: Plan,
    table: CompiledTable,
    arithmetic: str,
    parameters: Mapping[str, float],
    team: int,
    progress: Progress | None,
    *,
    boxes: Any = None,
    balls: Any = None,
    row_form: Any = None,
    code_form: Any = None,
    stored: Stored | None = None,
) -> Any:
    exact = space.exact_table()
    slack = space.slack(plan, table, arithmetic)
    return _core.Index(
        method,
        viewed(rows),
        space.storage,
        table.table,
        exact.table,
        table.parameters,
        exact.parameters,
        slack.slots,
        slack.scale,
        slack.relative,
        dict(parameters),
        team,
        progress,
        table.offset,
        boxes,
        balls,
        row_form,
        code_form,
        {} if stored is None else dict(stored.arrays),
        stored is None or stored.look,
    )
