"""The loader of object files: what it loads works, what is damaged is refused."""

from __future__ import annotations

import gc
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.kernels import KERNELS, Shape, compiled, object_file, table

from anear import _core

PARAMETERS = np.array([1.0])


def sections(data: bytes) -> list[tuple[int, ...]]:
    """Return the section headers of an ELF64 file, each a tuple of its ten fields."""
    start, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    return [struct.unpack_from("<IIQQQQIIQQ", data, start + 64 * i) for i in range(count)]


def patched(data: bytes, offset: int, layout: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def test_symbols_are_the_global_functions() -> None:
    code = _core.load_code(object_file(Shape(3)))
    assert set(code.symbols) == set(KERNELS)
    assert all(address > 0 for address in code.symbols.values())
    assert code.nbytes > 0


def test_loaded_code_computes() -> None:
    a, b = np.float32([1, 2, 3]), np.float32([2, 4, 6])
    assert _core.pair(table(Shape(3)), a, b, PARAMETERS) == 14.0
    values = _core.gather(
        table(Shape(3)), a[None], "float32", np.stack([a, b]), "float32", np.uint32([1, 0, 1]), PARAMETERS
    )
    np.testing.assert_array_equal(values, np.float32([14, 0, 14]))


def test_constants_variables_and_calls() -> None:
    source = """
        #include <cstdint>
        static const double table[4] = {1, 2, 4, 8};
        static const double* const pointers[2] = {table + 1, table + 3};
        static double variable = 3;
        static double zeros[100];
        __attribute__((noinline)) double twice(double v) { return 2 * v; }
        extern "C" double pair(const void* a, const void*, const double* p) {
          zeros[7] += 1;
          return twice(*pointers[static_cast<int>(p[0])]) + variable + zeros[7] + *static_cast<const float*>(a);
        }
    """
    code = _core.load_code(compiled(source))
    fields = {"arithmetic_bytes": 4, "block": 8, "query_columns": 1, "point_columns": 1, "pair": code.symbols["pair"]}
    loaded = _core.Table(fields, [code])
    one = np.float32([0.5])
    assert _core.pair(loaded, one, one, np.array([0.0])) == 2 * 2 + 3 + 1 + 0.5
    assert _core.pair(loaded, one, one, np.array([1.0])) == 2 * 8 + 3 + 2 + 0.5


def test_undefined_symbols_are_named() -> None:
    source = 'extern "C" double missing_one(double); extern "C" double pair() { return missing_one(1); }'
    with pytest.raises(RuntimeError, match="'missing_one'"):
        _core.load_code(compiled(source))


def test_thread_local_data_is_refused() -> None:
    with pytest.raises(RuntimeError, match="thread-local"):
        _core.load_code(compiled('thread_local int v = 1; extern "C" int pair() { return ++v; }'))


def test_a_table_keeps_its_code_alive() -> None:
    code = _core.load_code(object_file(Shape(2)))
    fields = {"arithmetic_bytes": 4, "block": 8, "query_columns": 2, "point_columns": 2, "pair": code.symbols["pair"]}
    loaded = _core.Table(fields, [code])
    del code
    gc.collect()
    for _ in range(50):  # memory given back would be taken again by these
        _core.load_code(object_file(Shape(3)))
    assert _core.pair(loaded, np.float32([1, 2]), np.float32([1, 3]), PARAMETERS) == 1.0


@pytest.mark.parametrize("size", [0, 1, 63, 64, 200])
def test_truncated_files_are_refused(size: int) -> None:
    with pytest.raises(RuntimeError):
        _core.load_code(object_file(Shape(3))[:size])


def test_every_truncation_is_refused_or_harmless() -> None:
    data = object_file(Shape(3))
    for size in range(0, len(data), 97):
        with pytest.raises(RuntimeError):  # the section table lies at the end of the file
            _core.load_code(data[:size])


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (0, "<B", 0, "not an ELF64"),
        (4, "<B", 1, "not an ELF64"),  # 32 bits
        (5, "<B", 2, "not an ELF64"),  # big-endian
        (16, "<H", 3, "not a relocatable object"),
        (18, "<H", 40, "machine 40"),
        (40, "<Q", 2**63, "section table"),
        (58, "<H", 32, "section header size"),
        (60, "<H", 60000, "section table"),
        (60, "<H", 0, "symbol table"),
        (62, "<H", 60000, "string table"),
    ],
)
def test_damaged_headers(offset: int, layout: str, value: int, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        _core.load_code(patched(object_file(Shape(3)), offset, layout, value))


@pytest.mark.parametrize("field", range(10))
@pytest.mark.parametrize("value", [0, 1, 3, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
def test_damaged_sections_never_crash(field: int, value: int) -> None:
    """Every field of every section header in turn. What still loads must at least answer for its symbols."""
    data = object_file(Shape(3))
    start = struct.unpack_from("<Q", data, 40)[0]
    offsets = [0, 4, 8, 16, 24, 32, 40, 44, 48, 56]
    layout = "<I" if field in (0, 1, 6, 7) else "<Q"
    for number in range(len(sections(data))):
        load_or_refuse(patched(data, start + 64 * number + offsets[field], layout, value))


def load_or_refuse(data: bytes) -> None:
    """Load ``data`` if it can be loaded; nothing but RuntimeError or MemoryError may come out."""
    try:
        code = _core.load_code(data)
    except (RuntimeError, MemoryError):
        return
    assert all(address > 0 for address in code.symbols.values())


@settings(max_examples=300)
@given(data=st.data())
def test_random_damage_never_crashes(data: st.DataObject) -> None:
    """Damage to headers, symbols and relocations: everything but the instructions and constants themselves."""
    original = object_file(Shape(3))
    rela_or_symbols = [(s[4], s[5]) for s in sections(original) if s[1] in (2, 3, 4)]
    start = struct.unpack_from("<Q", original, 40)[0]
    places = [(0, 64), (start, len(original) - start), *rela_or_symbols]
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        offset, size = data.draw(st.sampled_from([p for p in places if p[1] > 0]))
        changed[offset + data.draw(st.integers(0, size - 1))] = data.draw(st.integers(0, 255))
    load_or_refuse(bytes(changed))


def test_random_bytes_are_refused() -> None:
    rng = np.random.default_rng(0)
    for size in (10, 100, 1000):
        with pytest.raises(RuntimeError):
            _core.load_code(rng.bytes(size))


@pytest.mark.parametrize("target", ["AArch64"])
def test_other_machines_are_refused(target: str, tmp_path: Path) -> None:
    llvmlite = pytest.importorskip("llvmlite.binding")
    llvmlite.initialize_all_targets()
    llvmlite.initialize_all_asmprinters()
    if "aarch64" in llvmlite.get_process_triple():
        pytest.skip("this is such a machine")
    machine = llvmlite.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine()
    module = llvmlite.parse_assembly("define double @pair() { ret double 1.0 }")
    with pytest.raises(RuntimeError, match="machine 183"):
        _core.load_code(machine.emit_object(module))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"abi_version": 99}, "version 99"),
        ({"arithmetic_bytes": 2}, "'arithmetic_bytes' is 2"),
        ({"block": 0}, "'block' is 0"),
        ({"block": -1}, "'block' is -1"),
        ({"block": 2**40}, "out of range"),
        ({"point_columns": 0}, "'point_columns' is 0"),
        ({"flavour": 1}, "unknown table field 'flavour'"),
    ],
)
def test_table_fields_are_checked(fields: dict[str, int], message: str) -> None:
    good = {"arithmetic_bytes": 4, "block": 8, "query_columns": 2, "point_columns": 2}
    with pytest.raises(ValueError, match=message):
        _core.Table(good | fields, [])
