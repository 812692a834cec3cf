"""How many queries and points a kernel works on at once."""

from __future__ import annotations

from dataclasses import dataclass

from anear.codegen.layout import STORAGE_BYTES, Layout
from anear.codegen.loops import cost, passes, scalar_cost

__all__ = ["Tile", "choose_tile", "matrix_tile"]


@dataclass(frozen=True, slots=True)
class Tile:
    """``queries`` x ``blocks`` cells for a batch, ``scan`` blocks at a time for a single query.

    A single query waits for memory, and memory is fastest read in order: one block at a time reads twice as fast as
    two side by side (measured on Zen 4, 1M x 10 and 1M x 100).
    """

    queries: int
    blocks: int
    scan: int = 1


def choose_tile(layout: Layout) -> Tile:
    """As many cells as the registers hold: each loaded point then serves all queries, each query all points.

    A cell needs an accumulator a reduction. Two registers a row of blocks and some temporaries must remain; formulas
    with long dependency chains (logarithms) need fewer cells, because their temporaries are many.
    """
    pair = layout.plan.pair
    runs = passes([pair], layout.lengths)
    accumulators = max((len(p.reductions) for p in runs), default=1)
    work = max((cost(r.args[0] for r in p.reductions) for p in runs), default=1)
    work = max(work, scalar_cost(pair) // 4)  # what is done once a pair hardly matters beside a loop
    if work > 600:
        return Tile(1, 1)  # so large a formula keeps all units busy by itself, and is long enough to compile
    many = layout.target.registers >= 32
    if work > 32:  # more cells are no faster (measured on roots and exponentials), and take longer to compile
        return Tile(2, 2) if many else Tile(2, 1)
    if work > 12:
        return Tile(4, 2) if many else Tile(2, 2)
    if accumulators > 1:
        return Tile(4, 3 if accumulators == 2 else 2) if many else Tile(3, 2)
    return Tile(6, 4) if many else Tile(6, 2)


def matrix_tile(layout: Layout) -> Tile:
    """The tile of matrices with many queries.

    As ``choose_tile``, but for an inner product one block of points: its finishing touches (roots, guards) are short
    enough to run beside the next tile's products, and the broadcasts of 16 queries are operands of the products. Only
    while these queries stay in the first-level cache (measured on Zen 4: 512 x 512 of 128 numbers, 3 % faster).
    """
    tile = choose_tile(layout)
    cached = 16 * layout.query_slots * STORAGE_BYTES[layout.arithmetic] <= 16 << 10
    return Tile(16, 1) if tile == Tile(6, 4) and cached and layout.target.vector_bytes == 64 else tile
