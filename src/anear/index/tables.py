"""A space, compiled: a distance over data of one type and dimension, and the kernel tables it is searched with.

search   the rank, hoisted or bilinear, in the data's arithmetic type: finds candidates in packed blocks
exact    the whole formula, nothing hoisted, in float64: ranks the candidates and gives the distances reported
matrix   the whole formula, hoisted: fills matrices of distances
guarded  the whole formula, expanded: fills large ones faster, and leaves some values to `exact`
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear import _core
from anear.codegen.compiler import compile_kernels, parameters, slots
from anear.codegen.layout import Fields, Layout, make_layout
from anear.codegen.targets import Target, host_target
from anear.codegen.tile import Tile, matrix_tile
from anear.data.types.dense import arithmetic_name
from anear.formula.halved import Middle, halved_plans
from anear.formula.hoist import Plan, exact_plan, fields
from anear.index.stages import Stages, stages_of

if TYPE_CHECKING:
    from anear.formula.expression import Expr

__all__ = ["CompiledTable", "MatrixTables", "Space", "Slack", "fields_of", "host"]

SEARCH_KERNELS = ("prepare_points", "prepare_query", "select", "select_one")
CELL_KERNELS = ("prepare_points", "prepare_query", "look", "descend")
ROW_KERNELS = ("prepare_points", "prepare_query", "gather_rows")
CODE_KERNELS = ("prepare_points", "prepare_query")
EXACT_KERNELS = ("prepare_query", "gather")
MATRIX_KERNELS = ("prepare_points", "prepare_query", "store", "store_one")
LARGE_MATRIX_KERNELS = ("prepare_points", "prepare_turned", "prepare_query", "prepare_rows", "store")

LEAF: Final = 16
"""Points of a tree's leaf and cells of a node, at least: with fewer, a query enters more than it saves by it."""


@cache
def host() -> Target:
    """The target that this machine's kernels are compiled for; ANEAR_TARGET names a lower one, for the core as well."""
    features, lower = _core.host_features(), os.environ.get("ANEAR_TARGET")
    target = host_target(features, lower)
    if target is not host_target(features):
        _core.allow_features(sorted(target.needs))
    return target


@dataclass(frozen=True, slots=True)
class CompiledTable:
    """A kernel table ready to be called, and what must travel with it."""

    layout: Layout
    table: Any
    parameters: npt.NDArray[np.float64]

    @property
    def offset(self) -> int:
        """The slot of the prepared query that is to be added to what the kernels compute; -1 where none is."""
        added = self.layout.plan.offset
        return -1 if added is None else self.layout.query[added].offset


@dataclass(frozen=True, slots=True)
class Slack:
    """How far a search table's values can be from the truth; see ``Plan.relative``."""

    slots: npt.NDArray[np.int32]
    scale: float
    relative: float


def load(layout: Layout, names: Iterable[str], tile: Tile | None = None) -> CompiledTable:
    """Compile (or fetch) and load the named kernels of a layout."""
    kernels = compile_kernels(layout, names, tile)
    codes = [_core.load_code(data) for data in kernels.objects.values()]
    numbers = dict(kernels.numbers)
    for name, code in zip(kernels.objects, codes, strict=True):
        numbers[name] = code.symbols[name]
    return CompiledTable(layout, _core.Table(numbers, codes), parameters(layout))


@dataclass(frozen=True, slots=True)
class MatrixTables:
    """What fills matrices: ``guarded`` does if there is one, and leaves to ``exact`` what it gives NaN for."""

    whole: CompiledTable
    guarded: CompiledTable | None = None
    exact: CompiledTable | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """A distance over rows of ``dimension`` coordinates of a storage type; compiled tables are shared and kept."""

    expr: Expr
    dimension: int
    storage: str
    checked: bool = False  # whether the data are known to lie in the formula's domain

    @property
    def arithmetic(self) -> str:
        """The type that searches compute in and queries are taken in."""
        return arithmetic_name(self.storage)

    @property
    def stages(self) -> Stages:
        """What the compiler made of the formula."""
        return stages_of(self.expr, self.checked)

    def fields(self, side: str) -> Fields:
        """The extra fields that ``side`` ("query" or "point") must bring."""
        return fields_of(self.expr, side)

    def precision(self, plan: Plan) -> str:
        """What ``plan`` is computed in: float64, as the reference, where no bound of its rounding is known."""
        return "float64" if plan.relative is None else self.arithmetic

    def proved(self, plan: Plan) -> bool:
        """Whether a bound of the plan's rounding is known, in the arithmetic that it is then computed in."""
        return plan.computed_in(self.precision(plan)).relative is not None

    def halved(self, plan: Plan, mean: Callable[[Expr], Middle]) -> Iterator[Plan]:
        """``plan`` with products of bfloat16, which this machine computes two at a time; none where it cannot.

        ``mean``: see :func:`~anear.formula.halved.halved_plans`.
        """
        if self.storage == "float32" and host().pairs and self.precision(plan) == "float32":
            yield from halved_plans(plan, self.dimension, self.rounding(plan), mean)

    def search_table(self, plan: Plan) -> CompiledTable:
        """The table that finds candidates by ``plan``."""
        return _load_once(plan, self, self.precision(plan), SEARCH_KERNELS)

    def cell_table(self, plan: Plan, arithmetic: str) -> CompiledTable:
        """The same for methods that look at single blocks."""
        return _load_once(plan, self, arithmetic, CELL_KERNELS)

    def leaf_table(self, plan: Plan, arithmetic: str) -> CompiledTable:
        """The same for trees, whose leaves are blocks."""
        return _load_once(plan, self, arithmetic, CELL_KERNELS, LEAF)

    def leaf_matrix_table(self) -> CompiledTable:
        """What fills matrices in blocks as large as leaves."""
        plan = self.stages.matrix
        return _load_once(plan, self, self.precision(plan), MATRIX_KERNELS, LEAF)

    def row_table(self, plan: Plan, arithmetic: str) -> CompiledTable:
        """The same for methods that meet points one by one, as prepared rows."""
        return _load_rows(plan, self, arithmetic)

    def code_table(self, plan: Plan, scalars: str) -> CompiledTable:
        """What prepares points and queries for codes, of type ``scalars`` or float32; there are no kernels of pairs."""
        return _load_codes(plan, self, scalars, "float32", CODE_KERNELS)

    def decoded_table(self, plan: Plan, bits: int) -> CompiledTable:
        """The kernel that compares a query with codes; ``plan`` is that of :mod:`anear.index.graphs`."""
        return _load_codes(plan, self, "float32", f"uint{bits}", ("gather_rows",))

    def exact_table(self) -> CompiledTable:
        """The table that ranks and reports; raw rows in, float64."""
        return self.gather_table(self.expr)

    def gather_table(self, expr: Expr) -> CompiledTable:
        """The same of another formula of two objects."""
        return _load_once(exact_plan(expr), self, "float64", EXACT_KERNELS)

    def matrix_tables(self, many: bool) -> MatrixTables:
        """The tables that fill matrices: one, and for ``many`` pairs the guarded and the exact one where they help."""
        return _matrix_tables(self, many)

    def rounding(self, plan: Plan, arithmetic: str | None = None) -> float:
        """The factor of the plan's rounding bound, for this dimension and arithmetic; 0 where none is proved."""
        arithmetic = arithmetic or self.arithmetic
        found = plan.computed_in(arithmetic).relative
        return 0.0 if found is None else (found[0] + found[1] * self.dimension) * _UNIT[arithmetic]

    def slack(self, plan: Plan, table: CompiledTable, arithmetic: str | None = None) -> Slack:
        """The rounding bound of ``plan``, in the numbers the core wants."""
        arithmetic = arithmetic or self.arithmetic
        used = plan.computed_in(arithmetic)
        if used.relative is None:
            return Slack(np.zeros(0, np.int32), 0.0, _UNPROVED)
        factor = self.rounding(plan, arithmetic)
        places = np.array(slots(table.layout, used.slack), np.int32)
        return Slack(places, factor, factor * used.relative_to_rank)


_UNIT: Final = {"float32": 2.0**-24, "float64": 2.0**-53}  # what an operation may be off by, relatively

# Where no bound is proved, a search in float64 keeps what is within so much of the k-th best, relatively: a thousand
# times the rounding of a formula that cancels nothing.
_UNPROVED = 2.0**-40

fields_of = lru_cache(maxsize=1024)(fields)  # asked for at every search


@lru_cache(maxsize=512)
def _matrix_tables(space: Space, many: bool) -> MatrixTables:
    stages = space.stages
    # in float64 where nothing is known of the rank's rounding
    precision = space.precision(stages.direct)
    if many and stages.guarded is None:
        return MatrixTables(_load_large(stages.matrix, space, precision))
    whole = _load_once(stages.matrix, space, precision, MATRIX_KERNELS)
    if not many or stages.guarded is None:
        return MatrixTables(whole)
    return MatrixTables(whole, _load_large(stages.guarded, space, space.arithmetic), space.exact_table())


def _load_large(plan: Plan, space: Space, arithmetic: str) -> CompiledTable:
    """The table of a matrix with many queries."""
    from anear.codegen.kernels import prepares_rows  # the generator, which searches from the cache never need

    layout = _layout(plan, space, arithmetic)
    left_out = set() if prepares_rows(layout) else {"prepare_rows"}
    if layout.coordinates is None:
        left_out.add("prepare_turned")
    return load(layout, [name for name in LARGE_MATRIX_KERNELS if name not in left_out], matrix_tile(layout))


@lru_cache(maxsize=512)
def _load_rows(plan: Plan, space: Space, arithmetic: str) -> CompiledTable:
    from anear.codegen.kernels import prepares_rows

    if arithmetic == "float64" and plan.careful:
        plan = replace(plan, in_float64=None)  # a walk needs a value of every point, and proves nothing
    layout = _layout(plan, space, arithmetic)
    return load(layout, (*ROW_KERNELS, "prepare_rows") if prepares_rows(layout) else ROW_KERNELS)


@lru_cache(maxsize=512)
def _load_codes(plan: Plan, space: Space, scalars: str, vectors: str, names: tuple[str, ...]) -> CompiledTable:
    from anear.codegen.kernels import prepares_rows

    kinds = {i: vectors if entry.is_vector else scalars for i, entry in enumerate(plan.point)}
    layout = _layout(plan, space, "float32", kinds)
    by_rows = "prepare_query" in names and prepares_rows(layout)  # one query alone is then no block of many
    return load(layout, (*names, "prepare_rows") if by_rows else names)


@lru_cache(maxsize=512)
def _load_once(plan: Plan, space: Space, arithmetic: str, names: tuple[str, ...], points: int = 1) -> CompiledTable:
    return load(_layout(plan, space, arithmetic, points=points), names)


def _layout(
    plan: Plan, space: Space, arithmetic: str, kinds: Mapping[int, str] | None = None, points: int = 1
) -> Layout:
    fields = space.fields("query"), space.fields("point")
    return make_layout(
        plan.computed_in(arithmetic), space.dimension, space.storage, arithmetic, host(), *fields, kinds, points=points
    )
