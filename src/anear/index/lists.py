"""Lists of points around centres (ivf): which codes they are scanned through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import storage_name
from anear.data.types.dense import to_float
from anear.errors import ArgumentError
from anear.index.choice import moved, walk_precision
from anear.index.graphs import code_form, prepared_form, row_form
from anear.index.methods import Built, Stored, still_fit
from anear.index.objects import viewed

if TYPE_CHECKING:
    from anear.formula.hoist import Plan
    from anear.index.tables import Space
    from anear.spaces.space import Resolved

__all__ = ["listed"]

_MANY: Final = 64
"""Coordinates, from which on four bits each are tried: in fewer they seldom tell near points apart."""

_ASKED, _K, _PROBES, _ALL = 50, 10, 64.0, 400.0
_ENOUGH: Final = 0.95
"""Of the nearest points of the lists scanned, so many must be among those that are compared in full."""


def listed(
    space: Space,
    rows: npt.NDArray[Any],
    resolved: Resolved,
    options: Mapping[str, Any],
    checked: bool,
    stored: Stored | None,
    make: Callable[..., Any],
) -> Built:
    """Lists over the rows, with the codes that are asked for, or with the fewest bits that tell these points apart.

    ``make`` makes the core's index of a plan, its table, the arithmetic, parameters, forms and what was stored.
    """
    plan = space.stages.direct
    first = rows[: _built_over(stored, len(rows))]  # what was chosen by them stays, whatever has been added
    precision = walk_precision(space, plan, first)
    table = space.cell_table(plan, precision)
    product = _inner_product(space, first) if precision == "float32" else None
    objects = np.ascontiguousarray(rows[:, : space.dimension])
    make_form = partial(row_form, space, table.layout, "ivf", resolved, checked)
    form = make_form(rows, objects)
    numbers = {option: value for option, value in options.items() if option != "codes"}

    def build(bits: int, before: Stored | None) -> Built:
        codes, layout = code_form(space, plan, precision, bits, product) if bits else (None, None)
        name = f"{bits} {prepared_form(table.layout, layout, bits)}"
        core = make(
            plan, table, precision, numbers | {"bits": bits or 4},
            row_form=form, code_form=codes, stored=still_fit(before, name),
        )  # fmt: skip
        lists = len(core.parts["starts"]) - 1
        scanned = f"codes of {bits} bits a coordinate" if bits else "the points themselves"
        words = f"ivf: {lists} lists of {len(rows) / lists:.0f} points in the mean; {scanned} are scanned"
        return Built(core, plan, choice=(words,), row_form=make_form, form=name, bits=bits)

    if options["codes"] != "auto":
        if options["codes"] and product is None:
            raise ArgumentError(
                f"options['codes'] is {options['codes']}, which needs a formula that is an inner product"
                " (anear.explain says), searched in float32; allowed: 'auto', 0 (the points themselves)"
            )
        return build(options["codes"], stored)
    tried = [] if product is None else [4, 8] if space.dimension >= _MANY else [8]
    chosen = stored.form.partition(" ")[0] if stored is not None else ""
    if chosen in {str(bits) for bits in (*tried, 0)}:
        return build(int(chosen), stored)
    for bits in tried:
        built = build(bits, stored)
        if _told_apart(built.core, space, objects):
            return built
        # The lists stay; only the codes are made anew.
        parts = built.core.parts
        stored = Stored({name: part for name, part in parts.items() if not name.startswith("code")})
    return build(0, stored)


def _built_over(stored: Stored | None, count: int) -> int:
    """How many of the points, the first ones, were there when the lists were cut."""
    built = None if stored is None else stored.arrays.get("built")
    if built is None:
        return count
    if built.shape != (1,) or built.dtype != np.int64 or not 1 <= built[0] <= count:
        raise ArgumentError(f"'built' is no number from 1 to {count}")
    return int(built[0])


def _told_apart(core: Any, space: Space, objects: npt.NDArray[Any]) -> bool:
    """Whether what is compared in full by default holds nearly all of the nearest, for some of the points."""
    themselves = np.arange(0, len(objects), max(1, len(objects) // _ASKED), dtype=np.uint32)[:_ASKED]
    asked = to_float(objects[themselves])

    def distances(limits: dict[str, float]) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = core.knn(
            viewed(asked), storage_name(asked), _K, 1, themselves, None, space.arithmetic, None, limits
        )[1]
        return found

    usual, most = distances({"ef": _PROBES}), distances({"ef": _PROBES, "rerank": _ALL})
    return bool(np.mean(usual <= most[:, -1:]) >= _ENOUGH)


def _inner_product(space: Space, rows: npt.NDArray[Any]) -> Plan | None:
    """The formula as an inner product that tells these points apart in float32; None where it is none, or does not."""
    plan = space.stages.expanded
    if plan is None or not plan.bilinear:
        return None
    plan = moved(space, plan, rows)
    return plan if walk_precision(space, plan, rows) == "float32" else None
