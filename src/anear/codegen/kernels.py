"""The kernels of a table, as LLVM text: one function a kernel, each the contract's (``core/kernel/abi.h``).

prepare_*   raw blocks      -> prepared blocks        lanes: objects, float64
prepare_turned  coordinates turned already -> the rest of prepared blocks
prepare_rows  rows          -> prepared queries       lanes: coordinates, float64
select*     packed tiles    -> hits below a limit     lanes: points
store*      packed tiles    -> all values             lanes: points
look        query x block   -> all values, which are below a limit  lanes: points
descend     a block a query -> all values, the nearest  lanes: points
gather      query x rows    -> values                 lanes: coordinates
gather_rows query x prepared rows -> values           lanes: coordinates
pair        row x row       -> value                  lanes: coordinates
"""

from __future__ import annotations

import math
from collections.abc import Callable

from anear.codegen.abi import RESULTS, SIGNATURES
from anear.codegen.emit import Cell, Emitter, Place
from anear.codegen.layout import STORAGE_BYTES, Entry, Layout
from anear.codegen.llvm import Body, Kind
from anear.codegen.loops import cost
from anear.codegen.memory import store_as, store_pair
from anear.codegen.quick import QuickEmitter, ReciprocalEmitter
from anear.codegen.rows import PreparedRows, row_layout, row_tile
from anear.codegen.sources import PackedSource, QueryRowSource, RawSource, RowSource, TurnedSource
from anear.codegen.tile import Tile
from anear.formula.expression import Expr, walk

__all__ = ["kernel_text", "prepares_rows"]


def kernel_text(name: str, layout: Layout, tile: Tile) -> str:
    """The LLVM module that holds one kernel."""
    if name in ("prepare_points", "prepare_turned", "prepare_query"):
        body = _prepare(layout, name)
    elif name == "prepare_rows":
        body = _prepare_rows(layout)
    elif name in ("select", "select_one", "store", "store_one"):
        body = _tiled(layout, tile, name)
    elif name == "look":
        body = _look(layout)
    elif name == "descend":
        body = _descend(layout)
    elif name == "gather_rows":
        body = _prepared_rows(layout)
    else:
        body = _rows(layout, name)
    target = layout.target
    result = RESULTS.get(name, "void")
    signature = SIGNATURES[name].replace("ptr %", "ptr noalias %")
    head = [f'target triple = "{target.triple}"', *sorted(body.declarations), *body.functions.values()]
    return "\n".join(
        [*head, f"define {result} @{name}({signature}) #0 {{", "entry:", *body.rooms, *body.lines, "}", _METADATA]
    )


_METADATA = (
    'attributes #0 = { nounwind "no-builtins" "denormal-fp-math"="ieee,ieee" }\n'
    '!0 = !{!"branch_weights", i32 1, i32 1000}\n'
)


def _new_body(layout: Layout, bits: int, lanes: int) -> Body:
    body = Body(Kind(bits, lanes))
    body.fused = layout.target.fused
    body.avx512 = layout.target.vector_bytes == 64
    return body


def _arithmetic(layout: Layout) -> int:
    return STORAGE_BYTES[layout.arithmetic] * 8


def _guard(body: Body, count: str) -> str:
    """Skip everything where there is nothing to do; returns the label of the end."""
    start, end = body.fresh_label("start"), body.fresh_label("end")
    empty = body.emit(f"icmp sle i64 {count}, 0")
    body.do(f"br i1 {empty}, label %{end}, label %{start}")
    body.label(start)
    return end


def _finish(body: Body, end: str) -> None:
    body.do(f"br label %{end}")
    body.label(end)
    body.do("ret void")


# preparing


def _prepare(layout: Layout, name: str) -> Body:
    """Raw blocks to prepared ones, all in float64, rounded once when stored."""
    points, turned = name != "prepare_query", name == "prepare_turned"
    entries = layout.point if points else layout.query
    if turned:
        entries = tuple(entry for entry in entries if entry != layout.coordinates)
    maxima = layout.plan.maxima if name == "prepare_points" else ()
    raw_bytes = layout.columns("point" if points else "query") * layout.lanes * 8
    out_bytes = layout.block_bytes if points else layout.query_slots * layout.lanes * _arithmetic(layout) // 8
    body = _new_body(layout, 64, layout.lanes)
    body.brief = True
    end = _guard(body, "%n_blocks")
    with body.loop("%n_blocks") as loop:
        out = body.at("%out", body.emit(f"mul i64 {loop.index}, {out_bytes}"))
        if turned:
            source: RawSource | TurnedSource = TurnedSource(layout, out)
        else:
            source = RawSource(layout, body.at("%raw", body.emit(f"mul i64 {loop.index}, {raw_bytes}")))
        emitter = _preparing(layout)(body, source, layout.lengths, [Cell(0, 0)])
        scalars = [e.expr for e in entries if not e.expr.is_vector] + list(maxima)
        vectors = [e for e in entries if e.expr.is_vector]
        inner = [n for e in vectors for n in walk(e.expr) if not n.is_vector]
        values = [v[0] for v in emitter.scalars(list(dict.fromkeys(scalars + inner)))]
        known = dict(zip(dict.fromkeys(scalars + inner), values, strict=True))
        emitter.keep([e.expr for e in vectors])
        for entry in entries:
            stride = layout.lanes * (STORAGE_BYTES[entry.storage] if points else _arithmetic(layout) // 8)
            base = entry.offset if points else entry.offset * stride
            if entry.expr.is_vector:
                _prepare_vector(emitter, entry, out, base, stride)
            else:
                store_as(body, known[entry.expr], body.at(out, base), entry.storage)
        if maxima:
            _keep_maxima(body, [known[m] for m in maxima])
    _finish(body, end)
    return body


def _preparing(layout: Layout) -> type[Emitter]:
    return ReciprocalEmitter if layout.storage == layout.arithmetic == "float32" else Emitter


def _prepare_vector(emitter: Emitter, entry: Entry, out: str, base: int, stride: int) -> None:
    """One entry with a value a coordinate."""
    body = emitter.body
    if entry.length * cost([entry.expr]) <= 64 and not _runs_on(entry.expr):
        with emitter.scope():
            for i in range(entry.length):
                _store_element(emitter, entry, Place(None, i), body.at(out, base + i * stride))
        return
    running = [n for n in walk(entry.expr) if n.op == "cumsum"]
    last = entry.length - _ends_alone(emitter, entry, entry.length - 1)
    with body.loop(last, [(body.kind.type, body.const(0.0)) for _ in running]) as loop, emitter.scope():
        for node, state in zip(running, loop.values, strict=True):
            emitter.carried[node] = {emitter.cells[0]: state}
        at = body.emit(f"mul i64 {loop.index}, {stride}")
        _store_element(emitter, entry, Place(loop.index, 0), body.at(body.at(out, at), base))
        loop.next = [emitter.carried[n][emitter.cells[0]] for n in running]
    if last < entry.length:
        for node, state in zip(running, loop.values, strict=True):
            emitter.carried[node] = {emitter.cells[0]: state}
        _store_element(emitter, entry, Place(None, last), body.at(out, base + last * stride))


def _ends_alone(emitter: Emitter, entry: Entry, i: int) -> bool:
    """Whether the i-th of "pairs" is the last coordinate alone."""
    return entry.storage == "pairs" and 2 * i + 1 == emitter.lengths[entry.expr]


def _store_element(emitter: Emitter, entry: Entry, place: Place, pointer: str) -> None:
    """An entry's number at a place, or the two coordinates that one of "pairs" is made of."""
    body, cell = emitter.body, emitter.cells[0]
    if entry.storage != "pairs":
        store_as(body, emitter.element(entry.expr, place, cell), pointer, entry.storage)
        return
    variable = None if place.variable is None else body.emit(f"mul i64 {place.variable}, 2")
    first = Place(variable, 2 * place.offset)
    low = emitter.element(entry.expr, first, cell)
    alone = variable is None and _ends_alone(emitter, entry, place.offset)
    store_pair(body, low, body.const(0.0) if alone else emitter.element(entry.expr, first.moved(1), cell), pointer)


def prepares_rows(layout: Layout) -> bool:
    """Whether ``prepare_rows`` can be compiled: a running sum or a matrix needs the coordinates one by one."""
    return not any(_runs_on(entry.expr) for entry in layout.query)


def _prepare_rows(layout: Layout) -> Body:
    """Rows of the arithmetic type to prepared queries: no lane waits for another, so nothing has to be turned."""
    size = _arithmetic(layout) // 8
    body = _new_body(layout, 64, layout.target.vector_bytes // 8)
    body.brief = True
    end = _guard(body, "%n")
    with body.loop("%n") as loop:
        row = body.at("%rows", body.emit(f"mul i64 {loop.index}, %row_bytes"))
        out = body.at("%out", body.emit(f"mul i64 {loop.index}, {layout.query_slots * size}"))
        cell = Cell(0, 0)
        emitter = _preparing(layout)(body, QueryRowSource(layout, row), layout.lengths, [cell])
        vectors = [e for e in layout.query if e.expr.is_vector]
        scalars = [e for e in layout.query if not e.expr.is_vector]
        inner = [n for e in vectors for n in walk(e.expr) if not n.is_vector]
        roots = list(dict.fromkeys([*(e.expr for e in scalars), *inner]))
        known = dict(zip(roots, (v[0] for v in emitter.scalars(roots)), strict=True))
        with emitter.one_lane():
            for entry in scalars:
                store_as(body, known[entry.expr], body.at(out, entry.offset * size), layout.arithmetic)
        for entry in vectors:
            _row_entry(emitter, entry, body.at(out, entry.offset * size), size, layout.arithmetic)
    _finish(body, end)
    return body


def _row_entry(emitter: Emitter, entry: Entry, out: str, size: int, storage: str) -> None:
    """One entry with a value a coordinate, a register of coordinates at a time."""
    body = emitter.body

    def put(place: Place) -> None:
        value = emitter.element(entry.expr, place, emitter.cells[0])
        at = body.at(out, place.offset * size)
        if place.variable is not None:
            at = body.at(at, body.emit(f"mul i64 {place.variable}, {size}"))
        store_as(body, value, at, storage)

    emitter.along(entry.length, put)


def _runs_on(expr: Expr) -> bool:
    return any(n.op in ("cumsum", "matvec") for n in walk(expr))


def _keep_maxima(body: Body, values: list[str]) -> None:
    """maxima[j] = max(maxima[j], lanes of value j); a null pointer asks for none."""
    wanted, done = body.fresh_label("maxima"), body.fresh_label("kept")
    null = body.emit("icmp eq ptr %maxima, null")
    body.do(f"br i1 {null}, label %{done}, label %{wanted}")
    body.label(wanted)
    kind = body.kind
    for j, value in enumerate(values):
        name = f"@llvm.vector.reduce.fmaximum.{kind.suffix}"
        body.declarations.add(f"declare double {name}({kind.type})")
        largest = body.emit(f"call double {name}({kind.type} {value})")
        pointer = body.at("%maxima", 8 * j)
        old = body.emit(f"load double, ptr {pointer}, align 8")
        # A NaN on either side stays for good: no bound holds then, and the core gives up filtering.
        smaller = body.emit(f"fcmp olt double {largest}, {old}")
        more = body.emit(f"select i1 {smaller}, double {old}, double {largest}")
        undefined = body.emit(f"fcmp uno double {old}, 0.0")
        new = body.emit(f"select i1 {undefined}, double {old}, double {more}")
        body.do(f"store double {new}, ptr {pointer}, align 8")
    body.do(f"br label %{done}")
    body.label(done)


# tiles


def _tiled(layout: Layout, tile: Tile, name: str) -> Body:
    """Queries x blocks in registers; ``select`` compares there and then, ``store`` writes all values."""
    one = name.endswith("_one")
    n_queries, n_blocks = (1, tile.scan) if one else (tile.queries, tile.blocks)
    size = _arithmetic(layout) // 8
    body = _new_body(layout, size * 8, layout.lanes)
    queries = [body.at("%queries", q * layout.query_slots * size) for q in range(n_queries)]
    cells = [Cell(q, p) for q in range(n_queries) for p in range(n_blocks)]
    end = _guard(body, "%n_blocks")
    missing = name.startswith("store") and layout.plan.guarded
    carried = [(body.kind.mask, "zeroinitializer")] if missing else []
    with body.loop("%n_blocks", carried, n_blocks) as loop:
        base = body.at("%points", body.emit(f"mul i64 {loop.index}, {layout.block_bytes}"))
        blocks = [body.at(base, p * layout.block_bytes) for p in range(n_blocks)]
        emitter = Emitter(
            body,
            PackedSource(layout, queries, blocks),
            layout.lengths,
            cells,
            layout.plan.bilinear,
            halved=layout.plan.halved,
        )
        values = dict(zip(cells, emitter.scalars([layout.plan.pair])[0], strict=True))
        finish: Callable[[Body, Layout, str, list[str], int], None] = _hits if name.startswith("select") else _store
        for q in range(n_queries):
            finish(body, layout, loop.index, [values[Cell(q, p)] for p in range(n_blocks)], q)
        if missing:
            every = list(values.values())
            halves = zip(every[::2], every[1::2] or every, strict=False)  # one comparison looks at two values
            undefined = [body.compare("uno", a, b) for a, b in halves]
            if len(every) % 2:
                undefined.append(body.compare("uno", every[-1], every[-1]))
            loop.next = [_either(body, [*loop.values, *undefined])]
    if missing:
        _report(body, loop.values[0])
    _finish(body, end)
    return body


def _store(body: Body, layout: Layout, block: str, values: list[str], query: int) -> None:
    """Write a row of the tile."""
    row = body.emit(f"mul i64 %out_stride, {query}")
    first = body.emit(f"mul i64 {block}, {layout.lanes}")
    at = body.emit(f"add i64 {row}, {first}")
    pointer = body.at("%out", body.emit(f"mul i64 {at}, {body.kind.size}"))
    for p, value in enumerate(values):
        body.store(value, body.at(pointer, p * layout.lanes * body.kind.size))


def _report(body: Body, mask: str) -> None:
    """Set ``missing`` where the mask is set in any lane."""
    old = body.emit("load i32, ptr %missing, align 4")
    found = body.emit(f"zext i1 {body.any(mask)} to i32")
    body.do(f"store i32 {body.emit(f'or i32 {old}, {found}')}, ptr %missing, align 4")


def _hits(body: Body, layout: Layout, block: str, values: list[str], query: int) -> None:
    """Append the blocks that hold a value not >= the limit: rare once the limit is good, so behind one branch.

    Where the plan's bound is a finite number nothing overflows, so no value is NaN but one that the pair says itself,
    and where it is not the limit is NaN and lets everything pass. One comparison with the smallest value then serves:
    minima run beside the multiplications of an inner product, comparisons in their place.
    """
    limit = body.load_splat(body.at("%limits", query * body.kind.size))
    says_nan = any(node.op == "number" and math.isnan(node.value) for node in walk(layout.plan.pair))
    bounded = bool(layout.plan.maxima) and layout.plan.relative is not None and not says_nan
    if bounded:
        smallest = values[0]
        for value in values[1:]:
            smallest = body.smaller(value, smallest)
        found = body.any(body.compare("ult", smallest, limit))
    else:
        masks = [body.compare("ult", v, limit) for v in values]
        found = body.any(_either(body, masks))
    hit, done = body.fresh_label("hit"), body.fresh_label("done")
    body.do(f"br i1 {found}, label %{hit}, label %{done}, !prof !0")
    body.label(hit)
    if bounded:
        masks = [body.compare("ult", v, limit) for v in values]
    counter = body.at("%counts", 4 * query)
    start = body.emit(f"load i32, ptr {counter}, align 4")
    count = body.emit(f"sext i32 {start} to i64")
    row = body.emit(f"mul i64 %capacity, {query}")
    absolute = body.emit(f"add i64 %first_block, {block}")
    for p, (value, mask) in enumerate(zip(values, masks, strict=True)):
        at = body.emit(f"add i64 {row}, {count}")
        body.store(value, body.at("%values", body.emit(f"mul i64 {at}, {layout.lanes * body.kind.size}")))
        number = body.emit(f"trunc i64 {body.emit(f'add i64 {absolute}, {p}')} to i32")
        body.do(f"store i32 {number}, ptr {body.at('%blocks', body.emit(f'mul i64 {at}, 4'))}, align 4")
        passed = body.emit(f"zext i1 {body.any(mask)} to i64")
        count = body.emit(f"add i64 {count}, {passed}")
    body.do(f"store i32 {body.emit(f'trunc i64 {count} to i32')}, ptr {counter}, align 4")
    body.do(f"br label %{done}")
    body.label(done)


def _look(layout: Layout) -> Body:
    """One query against one block."""
    body = _new_body(layout, _arithmetic(layout), layout.lanes)
    value = _in_lanes(body, layout, "%query", "%block")
    body.store(value, "%out")
    mask = body.compare("ult", value, body.load_splat("%limit"))
    body.do(f"ret i64 {_lane_bits(body, mask)}")
    return body


def _in_lanes(body: Body, layout: Layout, query: str, block: str) -> str:
    """The values of one query against one block."""
    source = PackedSource(layout, [query], [block])
    emitter = Emitter(body, source, layout.lengths, [Cell(0, 0)], layout.plan.bilinear, layout.is_number)
    return emitter.scalars([layout.plan.pair])[0][0]


def _lane_bits(body: Body, mask: str) -> str:
    """Bit i is set where lane i of the mask is."""
    lanes = body.kind.lanes
    return body.emit(f"zext i{lanes} {body.emit(f'bitcast {body.kind.mask} {mask} to i{lanes}')} to i64")


def _descend(layout: Layout) -> Body:
    """Each query against the block that its place names; the place of the nearest lane takes that one's place.

    No query waits for another's, so a processor works on several at once, and on what they wait for from memory.
    """
    lanes, size = layout.lanes, _arithmetic(layout) // 8
    body = _new_body(layout, size * 8, lanes)
    end = _guard(body, "%n")
    body.declarations.add("declare i64 @llvm.cttz.i64(i64, i1)")
    with body.loop("%n") as loop:
        query = body.at("%queries", body.emit(f"mul i64 {loop.index}, {layout.query_slots * size}"))
        where = body.at("%places", body.emit(f"mul i64 {loop.index}, 4"))
        place = body.emit(f"zext i32 {body.emit(f'load i32, ptr {where}, align 4')} to i64")
        block = body.at("%points", body.emit(f"mul i64 {place}, {layout.block_bytes}"))
        value = _in_lanes(body, layout, query, block)
        stride = body.emit(f"mul i64 %out_stride, {size}")
        body.store(value, body.at("%out", body.emit(f"mul i64 {loop.index}, {stride}")))
        first = body.emit(f"mul i64 {place}, {lanes}")
        child = body.emit(f"add i64 {first}, {_nearest_lane(body, value)}")
        body.do(f"store i32 {body.emit(f'trunc i64 {child} to i32')}, ptr {where}, align 4")
    _finish(body, end)
    return body


def _nearest_lane(body: Body, value: str) -> str:
    """The first lane that holds the smallest number, as an i64; a lane all the same where there are NaNs."""
    whole, smallest = body.kind, value
    while body.kind.lanes > 2:  # half as many of them each time: of a register's length only the first
        half = body.kind.lanes // 2
        low, high = (body.shuffle(smallest, "poison", range(i, i + half)) for i in (0, half))
        body.kind = Kind(whole.bits, half)
        smallest = body.smaller(low, high)
    if whole.lanes > 1:
        pair = body.kind.type
        first, second = (body.emit(f"extractelement {pair} {smallest}, i64 {i}") for i in (0, 1))
        body.kind = Kind(whole.bits, 1)
        smallest = body.smaller(first, second)
        body.kind = whole
        smallest = body.splat(smallest)
    bits = _lane_bits(body, body.compare("ule", value, smallest))
    return body.emit(f"call i64 @llvm.cttz.i64(i64 {bits}, i1 false)")


def _either(body: Body, masks: list[str]) -> str:
    together = masks[0]
    for mask in masks[1:]:
        together = body.mask_or(together, mask)
    return together


# rows


def _rows(layout: Layout, name: str) -> Body:
    """One query against rows one by one, coordinates across the lanes."""
    sequential = any(n.op in ("cumsum", "matvec") for n in walk(layout.plan.pair))
    bits = _arithmetic(layout)
    body = _new_body(layout, bits, 1 if sequential else layout.lanes)
    body.brief = True
    cell = Cell(0, 0)

    def value(query: str, row: str, raw: bool) -> str:
        source = RowSource(layout, query, row, raw)
        emitter = QuickEmitter if raw and bits == 32 else Emitter
        return emitter(body, source, layout.lengths, [cell]).scalars([layout.plan.pair])[0][0]

    if name == "pair":
        result = value("%a", "%b", True)
        body.do(f"ret double {result if bits == 64 else body.emit(f'fpext float {result} to double')}")
        return body
    end = _guard(body, "%n")
    last = body.emit("sub i64 %n, 1")
    body.declarations.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    with body.loop("%n") as loop:
        ahead = body.emit(f"add i64 {loop.index}, 4")
        inside = body.emit(f"icmp slt i64 {ahead}, {last}")
        soon = _row(body, body.emit(f"select i1 {inside}, i64 {ahead}, i64 {last}"))
        for line in range(min(4, -(-layout.columns("point") * STORAGE_BYTES[layout.storage] // 64))):
            body.do(f"call void @llvm.prefetch.p0(ptr {body.at(soon, 64 * line)}, i32 0, i32 3, i32 1)")
        result = value("%query", _row(body, loop.index), False)
        at = body.emit(f"mul i64 {loop.index}, {bits // 8}")
        body.do(f"store {body.kind.scalar} {result}, ptr {body.at('%out', at)}, align {bits // 8}")
    _finish(body, end)
    return body


_AHEAD = 2  # tiles of prepared rows that are asked for before their turn; of a row so many cache lines at most
_LINES = 8


def _prepared_rows(layout: Layout) -> Body:
    """One query against prepared rows, ``row_tile`` of them at a time; the caller has filled ids up to whole tiles."""
    sequential = any(n.op in ("cumsum", "matvec") for n in walk(layout.plan.pair))
    size = _arithmetic(layout) // 8
    body = _new_body(layout, size * 8, 1 if sequential else layout.lanes)
    end = _guard(body, "%n")
    body.declarations.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    tile, lines = row_tile(layout), min(_LINES, -(-row_layout(layout).row_bytes // 64))
    cells = [Cell(0, p) for p in range(tile)]
    last = body.emit("sub i64 %n, 1")
    with body.loop("%n", (), tile) as loop:
        for p in range(tile):
            ahead = body.emit(f"add i64 {loop.index}, {_AHEAD * tile + p}")
            inside = body.emit(f"icmp slt i64 {ahead}, {last}")
            soon = _row(body, body.emit(f"select i1 {inside}, i64 {ahead}, i64 {last}"))
            for line in range(lines):
                body.do(f"call void @llvm.prefetch.p0(ptr {body.at(soon, 64 * line)}, i32 0, i32 3, i32 1)")
        rows = [_row(body, body.emit(f"add i64 {loop.index}, {p}")) for p in range(tile)]
        emitter = Emitter(body, PreparedRows(layout, "%query", rows), layout.lengths, cells, layout.plan.bilinear)
        at = body.emit(f"mul i64 {loop.index}, {size}")
        for p, value in enumerate(emitter.scalars([layout.plan.pair])[0]):
            pointer = body.at(body.at("%out", at), p * size)
            body.do(f"store {body.kind.scalar} {value}, ptr {pointer}, align {size}")
    _finish(body, end)
    return body


def _row(body: Body, index: str) -> str:
    """The address of row ids[index]."""
    entry = body.at("%ids", body.emit(f"mul i64 {index}, 4"))
    number = body.emit(f"zext i32 {body.emit(f'load i32, ptr {entry}, align 4')} to i64")
    return body.at("%rows", body.emit(f"mul i64 {number}, %row_bytes"))
