"""What users call their points: whole numbers or texts, beside the places that the core knows them by.

A point keeps its place for as long as the index is not compacted, and a place is never given to another point: so an
answer of the core can be translated after other threads have changed the index.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from anear.data.arrays import as_filter, as_ids
from anear.data.types.dense import PointIds, point_ids
from anear.errors import ArgumentError
from anear.index.arguments import shown
from anear.index.growing import Growing

__all__ = ["Ids", "checked_ids", "filtered", "left_out", "named", "stored_ids"]

Places = npt.NDArray[np.int64]
Names = npt.NDArray[Any]

_LARGEST: Final = 2**63 - 1


def checked_ids(value: Any, count: int, name: str = "ids") -> Names:
    """``count`` different ids: int64, or text of one length for all.

    >>> checked_ids(["b", "ab"], 2)
    array(['b', 'ab'], dtype='<U2')
    """
    array = _array(value, name)
    if array.shape != (count,):
        raise ArgumentError(f"{name} has shape {array.shape}; ({count},) is needed: one id for each point")
    if array.dtype.kind == "U":
        if count and not array.astype(bool).all():
            where = int((array == "").argmax())
            raise ArgumentError(f"{name}[{where}] is ''; allowed: any text but the empty one, which means 'missing'")
    elif count and (array < 0).any():
        where = int((array < 0).argmax())
        raise ArgumentError(f"{name}[{where}] is {array[where]}; allowed: texts, or whole numbers from 0 to 2**63 - 1")
    _, first = np.unique(array, return_index=True)
    if len(first) != count:
        again = int(np.setdiff1d(np.arange(count), first)[0])
        raise ArgumentError(f"{name}[{again}] is {_shown(array[again])}, which comes twice; every id is one point's")
    return array


def _array(value: Any, name: str) -> Names:
    """Ids as int64 or text."""
    if isinstance(value, str | bytes | int | np.integer):
        value = [value]
    if isinstance(value, set | frozenset | range):
        value = sorted(value)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0, object)
    if array.dtype.kind in "OT" and all(isinstance(one, str) for one in array.flat):
        array = array.astype(np.str_)
    if array.size == 0 and isinstance(value, Sequence | np.ndarray):
        return np.zeros(array.shape, np.int64) if array.dtype.kind != "U" else array
    if array.dtype.kind == "U" and not isinstance(value, np.ndarray) and not all(isinstance(o, str) for o in value):
        raise ArgumentError(f"{name} is {shown(value)}; allowed: texts, or whole numbers, not some of each")
    if array.dtype.kind == "u" and array.size and int(array.max()) > _LARGEST:
        raise ArgumentError(f"{name} holds {array.max()}; allowed: texts, or whole numbers from 0 to 2**63 - 1")
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise ArgumentError(f"{name} is {shown(value)}; allowed: texts, or whole numbers from 0 to 2**63 - 1")
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def _shown(one: Any) -> str:
    return shown(one.item() if isinstance(one, np.generic) else one)


class Ids:
    """The ids of an index's points, by the place of each; and which of the points are alive.

    Without ids of their own points are called by their place. Ids are never used again by themselves: a new point
    gets one more than any that there was.

    >>> ids = Ids(3)
    >>> ids.remove(ids.places([1], "ids"))
    >>> ids.extend(None, 2).tolist(), ids.live.tolist()
    ([3, 4], [0, 2, 3, 4])
    """

    def __init__(self, count: int, names: Names | None = None, alive: npt.NDArray[np.uint8] | None = None) -> None:
        self._names = None if names is None else Growing(names)
        self._alive = Growing(np.ones(count, np.uint8) if alive is None else alive.astype(np.uint8))
        self._count = int(self._alive.rows.sum())
        self._places: dict[Any, int] | None = None
        self._next = count if names is None else 0
        if names is not None and names.dtype.kind != "U" and len(names):
            self._next = int(names.max()) + 1

    def __len__(self) -> int:
        """How many points are alive."""
        return self._count

    @property
    def slots(self) -> int:
        """How many places there are."""
        return len(self._alive)

    @property
    def texts(self) -> bool:
        """Whether ids are texts."""
        return self._names is not None and self._names.rows.dtype.kind == "U"

    @property
    def missing(self) -> int | str:
        """What stands where there is no point: -1, or the empty text."""
        return "" if self.texts else -1

    @property
    def names(self) -> Names | None:
        """The id of every place; None where it is the place's number."""
        return None if self._names is None else self._names.rows

    @property
    def alive(self) -> npt.NDArray[np.uint8]:
        """For every place 1, or 0 where the point was removed."""
        return self._alive.rows

    @property
    def live(self) -> Names:
        """The ids of the points there are, in the order of their places."""
        return self.named(self.live_places)

    @property
    def live_places(self) -> Places:
        """The places of the points there are."""
        return np.flatnonzero(self._alive.rows).astype(np.int64)

    def named(self, places: Places) -> Names:
        """The ids of places; -1 becomes ``missing``."""
        if self._names is None:
            return places
        names = self._names.rows[places]
        absent = places < 0
        if absent.any():
            names[absent] = self.missing
        return names

    # from ids to places

    def places(self, value: Any, name: str, *, allow_missing: bool = False) -> Places:
        """The places of these points, which are alive; ``missing`` becomes -1 where that is allowed."""
        array = _array(value, name)
        if array.size and (array.dtype.kind == "U") != self.texts:
            kind = "texts" if self.texts else "whole numbers"
            raise ArgumentError(f"{name} is {shown(value)}; the ids of this index are {kind}")
        places = self._find(array)
        absent = (places < 0) & ~(allow_missing & (array == self.missing)) if array.size else places < 0
        if absent.any():
            where = int(absent.argmax())
            raise ArgumentError(f"{name}[{where}] is {_shown(array[where])}, and the index holds no such point")
        return places

    def _find(self, array: Names) -> Places:
        """The place of each id, -1 where there is no live point of that id."""
        alive = self._alive.rows
        if self._names is None:
            inside = (array >= 0) & (array < len(alive))
            places = np.where(inside, array, 0).astype(np.int64)
            return np.where(inside & (alive[places] != 0), places, -1)
        known = self._known()
        return np.array([known.get(one, -1) for one in array.tolist()], np.int64)

    def _known(self) -> dict[Any, int]:
        """The place of every live point by its id, made when it is first asked for."""
        if self._places is None and self._names is not None:
            places = self.live_places
            self._places = dict(zip(self._names.rows[places].tolist(), places.tolist(), strict=True))
        return self._places or {}

    def filter(self, allow: Any, deny: Any) -> npt.NDArray[np.uint8] | None:
        """What ``as_filter`` makes of ids, or of masks that have a boolean for each of ``live``."""
        allow, deny = self._filtered(allow, "allow"), self._filtered(deny, "deny")
        return as_filter(self.slots, allow=allow, deny=deny)

    def _filtered(self, value: Any, name: str) -> Any:
        if value is None:
            return None
        array = np.asarray(value) if isinstance(value, np.ndarray | list | tuple) else None
        if array is not None and array.dtype == np.bool_:
            if array.shape != (len(self),):
                raise ArgumentError(f"{name} is a mask of shape {array.shape}; ({len(self)},) is needed, one a point")
            mask = np.zeros(self.slots, np.bool_)
            mask[self.live_places] = array
            return mask
        return self.places(value, name)

    def excluded(self, value: Any, queries: int) -> PointIds:
        """For each query the place of the point that it leaves out, NOBODY for none."""
        places = self.places(value, "exclude", allow_missing=True)
        return point_ids(as_ids(places, self.slots, "exclude", queries, allow_none=True))

    # changes

    def fresh(self, value: Any, count: int) -> Names:
        """The ids of ``count`` new points: those given, checked, or the next whole numbers."""
        if value is None:
            if self.texts:
                raise ArgumentError("ids is None; the ids of this index are texts, and every new point needs one")
            return np.arange(self._next, self._next + count, dtype=np.int64)
        array = checked_ids(value, count)
        if (array.dtype.kind == "U") != self.texts:
            kind = "texts" if self.texts else "whole numbers"
            raise ArgumentError(f"ids is {shown(value)}; the ids of this index are {kind}")
        taken = self._find(array) >= 0
        if taken.any():
            where = int(taken.argmax())
            raise ArgumentError(
                f"ids[{where}] is {_shown(array[where])}, which a point of the index has; update moves it"
            )
        return array

    def extend(self, names: Names | None, count: int) -> Names:
        """Take in new points, behind all others, whose ids ``fresh`` has made; returned as they are."""
        before = self.slots
        names = self.fresh(None, count) if names is None else names
        plain = self._names is None and np.array_equal(names, np.arange(before, before + count))
        if not plain:
            if self._names is None:
                self._names = Growing(np.arange(before, dtype=np.int64))
            known = self._known()
            self._names.extend(names)
            known.update(zip(names.tolist(), range(before, before + count), strict=True))
            self._places = known
        if not self.texts and count:
            self._next = max(self._next, int(names.max()) + 1)
        self._alive.extend(np.ones(count, np.uint8))
        self._count += count
        return names

    def remove(self, places: Places) -> None:
        """Points that are there no more."""
        alive = self._alive.rows.copy()
        alive[places] = 0
        self._alive = Growing(alive)
        self._count -= len(places)
        if self._places is not None and self._names is not None:
            for one in self._names.rows[places].tolist():
                self._places.pop(one, None)

    def forget(self, count: int) -> None:
        """Points behind the first ``count`` places never came: they are no longer alive."""
        self.remove(np.arange(count, self.slots, dtype=np.int64))

    def cut(self, count: int) -> None:
        """Places behind the first ``count`` were never there; nobody has seen them."""
        self.forget(count)
        self._alive.cut(count)
        if self._names is not None:
            self._names.cut(count)

    def arrays(self) -> dict[str, Names]:
        """Arrays that :func:`stored_ids` makes the same of."""
        arrays: dict[str, Names] = {}
        if self._names is not None:
            names = np.ascontiguousarray(self._names.rows)
            arrays["ids"] = names.view(np.int32).reshape(len(names), -1) if self.texts else names
        if len(self) < self.slots:
            arrays["alive"] = self._alive.rows
        return arrays

    def compacted(self) -> Ids:
        """The same without the places of points that were removed."""
        names = self.live
        plain = not self.texts and np.array_equal(names, np.arange(len(names)))
        ids = Ids(len(names), None if plain else names)
        ids._next = self._next
        return ids


def named(ids: Ids | None, places: Places) -> Names:
    """What the points at these places are called."""
    return places if ids is None else ids.named(places)


def filtered(ids: Ids | None, points: int, allow: Any, deny: Any) -> npt.NDArray[np.uint8] | None:
    """The places that a search may return, as bits; None: all."""
    if allow is None and deny is None:
        return None
    allow, deny = _decided(allow, "allow", ids, points), _decided(deny, "deny", ids, points)
    return as_filter(points, allow=allow, deny=deny) if ids is None else ids.filter(allow, deny)


def _decided(value: Any, name: str, ids: Ids | None, points: int) -> Any:
    """What a predicate says of all ids, as a mask; anything else as it is."""
    if not callable(value):
        return value
    mask = np.asarray(value(np.arange(points) if ids is None else ids.live))
    if mask.dtype != np.bool_ or mask.shape != (points,):
        raise ArgumentError(
            f"{name} is a function that returned {mask.dtype} of shape {mask.shape} for {points} ids; one boolean"
            " an id is needed"
        )
    return mask


def left_out(ids: Ids | None, points: int, exclude: Any, queries: int) -> PointIds | None:
    """For each query the place of the point that is no answer to it, NOBODY for none; None: no point at all."""
    if exclude is None:
        return None
    if ids is not None:
        return ids.excluded(exclude, queries)
    return point_ids(as_ids(exclude, points, "exclude", queries, allow_none=True))


def stored_ids(arrays: Mapping[str, Names], count: int) -> Ids | None:
    """The ids that were stored of ``count`` points; None where there are none."""
    names, alive = arrays.get("ids"), arrays.get("alive")
    if names is None and alive is None:
        return None
    if alive is not None and (alive.shape != (count,) or alive.dtype != np.uint8 or int(alive.max(initial=0)) > 1):
        raise ArgumentError(f"alive has shape {alive.shape} and type {alive.dtype}; ({count},) of 0 and 1 is needed")
    if names is None:
        return Ids(count, None, alive)
    if names.ndim == 2 and names.dtype == np.int32 and names.shape[1] > 0:
        if names.size and not 0 <= int(names.min()) <= int(names.max()) <= sys.maxunicode:
            raise ArgumentError("ids hold a character that there is not")
        names = np.ascontiguousarray(names).view(f"<U{names.shape[1]}").reshape(-1)
    if names.shape != (count,) or names.dtype.kind not in "iU" or names.dtype.itemsize % 4:
        raise ArgumentError(
            f"ids has shape {names.shape} and type {names.dtype}; ({count},) of int64 or texts is needed"
        )
    live = names if alive is None else names[alive != 0]
    checked_ids(live, len(live))
    return Ids(count, np.array(names, np.int64 if names.dtype.kind == "i" else names.dtype), alive)
