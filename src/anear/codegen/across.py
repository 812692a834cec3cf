"""From accumulators with a partial result in every lane to one number each, by halving.

Sums of floats are halved together: lanes of two or four accumulators are interleaved in one register, which takes half
the instructions, and these stand between a distance and its use where a kernel computes one distance a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from anear.codegen.llvm import Body, Kind

__all__ = ["across_lanes"]

Key = TypeVar("Key")
TOGETHER = 4  # sums, as many as 128 bits hold: what goes in pairs stays inside these parts of a register


def across_lanes(
    body: Body, totals: dict[Key, str], combine: Callable[[Key, str, str], str], sums: Sequence[Key] = ()
) -> dict[Key, str]:
    """One number for each accumulator; ``combine(key, a, b)`` joins two partial results in the body's kind.

    ``sums`` are the keys whose results are joined by addition.
    """
    result: dict[Key, str] = {}
    joint = [key for key in totals if key in sums] if body.kind.bits == 32 and body.kind.lanes >= TOGETHER else []
    for start in range(0, len(joint) - len(joint) % 2, TOGETHER):
        group = joint[start : start + TOGETHER]
        if len(group) > 1:
            result.update(zip(group, _sums(body, [totals[key] for key in group]), strict=True))
    for key, value in totals.items():
        if key not in result:
            result[key] = _one(body, value, partial(combine, key))
    return {key: result[key] for key in totals}


def _one(body: Body, value: str, join: Callable[[str, str], str]) -> str:
    """One accumulator: halves joined until one lane is left."""
    whole = body.kind
    while body.kind.lanes > 1:
        value = _halved(body, value, join)
    body.kind = whole
    return value


def _halved(body: Body, value: str, join: Callable[[str, str], str]) -> str:
    """Both halves joined; the body's kind is that of the result then."""
    wide, lanes = body.kind, body.kind.lanes // 2
    halves = [_part(body, value, wide, start, lanes) for start in (0, lanes)]
    body.kind = Kind(wide.bits, lanes)
    return join(*halves)


def _part(body: Body, value: str, wide: Kind, start: int, lanes: int) -> str:
    """``lanes`` lanes of a wider value, from lane ``start`` on."""
    if lanes == 1:
        return body.emit(f"extractelement {wide.type} {value}, i64 {start}")
    return body.shuffle(value, value, range(start, start + lanes))


def _sums(body: Body, values: list[str]) -> list[str]:
    """The sums over the lanes of two to four registers."""
    whole, count = body.kind, len(values)
    values = values + values[-1:] * (count % 2)
    # a0 a1 a2 a3 and b0 b1 b2 b3 become a0+a2 b0+b2 a1+a3 b1+b3
    joined = [_folded(body, a, b, (0, 4, 1, 5)) for a, b in zip(values[::2], values[1::2], strict=True)]
    value = joined[0] if len(joined) == 1 else _folded(body, joined[0], joined[1], (0, 1, 4, 5))
    while body.kind.lanes > (TOGETHER if count > 2 else 2):
        value = _halved(body, value, body.add)
    kind, body.kind = body.kind, whole
    return [body.emit(f"extractelement {kind.type} {value}, i64 {i}") for i in range(count)]


def _folded(body: Body, a: str, b: str, pattern: tuple[int, ...]) -> str:
    """a and b shuffled by a pattern within each 128 bits, plus the lanes two further on in the same way."""
    lanes = body.kind.lanes

    def chosen(offset: int) -> list[int]:
        blocks = range(0, lanes, TOGETHER)
        return [block + offset + i % TOGETHER + i // TOGETHER * lanes for block in blocks for i in pattern]

    return body.add(body.shuffle(a, b, chosen(0)), body.shuffle(a, b, chosen(2)))
