"""Relocations of both processors, applied by the core and checked against the instruction encodings.

Code for the other processor cannot be run here, but what a relocation writes into an instruction can be read.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.core.kernels import program

X86_64, AARCH64 = 62, 183
PAGE = 4096


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(tmp_path_factory.mktemp("relocate"), "relocate_check.cpp", "kernel/relocate.cpp")


def apply(check: Path, machine: int, kind: int, offset: int, instruction: int, target: int) -> int | None:
    """Return the eight bytes at ``offset`` afterwards; None if the relocation was refused."""
    line = f"{machine:x} {kind:x} {offset:x} {instruction:x} {target:d}\n"
    result = subprocess.run([check], input=line, capture_output=True, text=True, check=True)
    return None if result.stdout == "refused\n" else int(result.stdout, 16)


def signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


@pytest.mark.parametrize("kind", [282, 283])  # JUMP26, CALL26
@pytest.mark.parametrize("target", [0, 4, 64, 0x2000, -0x4000, 0x1000 + (1 << 27) - 4, 0x1000 - (1 << 27)])
def test_arm_branch(check: Path, kind: int, target: int) -> None:
    offset, bl = 0x1000, 0x94000000
    word = apply(check, AARCH64, kind, offset, bl, target)
    assert word is not None
    assert word >> 26 == bl >> 26
    assert offset + 4 * signed(word, 26) == target


@pytest.mark.parametrize("target", [2, 1 << 28, -(1 << 28), (1 << 27) + 0x1000])
def test_arm_branch_out_of_reach(check: Path, target: int) -> None:
    assert apply(check, AARCH64, 283, 0x1000, 0x94000000, target) is None


@pytest.mark.parametrize("target", [0, 8, 0xFFF, 0x1000, 0x5678, -1, -0x9000, 1 << 31])
def test_arm_page(check: Path, target: int) -> None:
    offset, adrp = 0x2008, 0x90000003  # adrp x3
    word = apply(check, AARCH64, 275, offset, adrp, target)
    assert word is not None
    assert word & 0x9F00001F == adrp
    pages = signed((word >> 5 & 0x7FFFF) << 2 | (word >> 29 & 3), 21)
    assert offset // PAGE + pages == target // PAGE


@pytest.mark.parametrize("target", [1 << 34, -(1 << 34)])
def test_arm_page_out_of_reach(check: Path, target: int) -> None:
    assert apply(check, AARCH64, 275, 0x2008, 0x90000003, target) is None


@pytest.mark.parametrize(
    ("kind", "instruction", "access"),
    [
        (277, 0x91000000, 1),  # add x0, x0, #
        (278, 0x39400000, 1),  # ldrb
        (284, 0x79400000, 2),  # ldrh
        (285, 0xB9400000, 4),  # ldr w
        (286, 0xF9400000, 8),  # ldr x
        (299, 0x3DC00000, 16),  # ldr q
    ],
)
@pytest.mark.parametrize("target", [0, 0x10, 0xFF0, 0x1230, 0x1238])
def test_arm_page_offset(check: Path, kind: int, instruction: int, access: int, target: int) -> None:
    word = apply(check, AARCH64, kind, 0, instruction, target)
    if target % access:
        assert word is None
        return
    assert word is not None
    assert word & ~(0xFFF << 10) == instruction
    assert (word >> 10 & 0xFFF) * access == target % PAGE


def test_data(check: Path) -> None:
    base = apply(check, AARCH64, 257, 0, 0, 0)  # ABS64
    assert base is not None
    assert apply(check, X86_64, 1, 0, 0, 0x20) is not None  # 64
    assert apply(check, AARCH64, 260, 0x40, 0, 0x20) == (1 << 64) - 0x20  # PREL64
    assert apply(check, X86_64, 24, 0x40, 0, 0x60) == 0x20  # PC64
    for machine, kind in ((AARCH64, 261), (X86_64, 2), (X86_64, 4)):  # PREL32, PC32, PLT32
        assert apply(check, machine, kind, 0x40, 0xAB << 32, 0x20) == 0xAB << 32 | (1 << 32) - 0x20
        assert apply(check, machine, kind, 0x40, 0, 1 << 33) is None
        assert apply(check, machine, kind, 0x40, 0, -(1 << 33)) is None


@pytest.mark.parametrize(("machine", "kind"), [(X86_64, 9), (X86_64, 42), (AARCH64, 311), (3, 1), (X86_64, 10)])
def test_unsupported(check: Path, machine: int, kind: int) -> None:
    """GOT relocations, another processor, and 32-bit absolute addresses that cannot hold this one."""
    assert apply(check, machine, kind, 0, 0, 1 << 40) is None
