"""``codegen/abi.py`` and ``core/kernel/abi.h`` say the same."""

from __future__ import annotations

import re
from pathlib import Path

from anear.codegen import abi

HEADER = (Path(__file__).parents[2] / "core" / "kernel" / "abi.h").read_text()
TYPES = {"std::int64_t": "i64"} | dict.fromkeys(
    ["const double*", "const void*", "void*", "double*", "std::int32_t*", "const PointId*", "PointId*"], "ptr"
)


def struct_fields() -> list[tuple[str, str]]:
    body = re.search(r"struct KernelTable \{(.*?)\n\};", HEADER, re.S)
    assert body is not None
    return [(m[1], m[2]) for m in re.finditer(r"^\s*([\w:]+) (\w+) = ", body[1], re.M)]


def test_version() -> None:
    found = re.search(r"kAbiVersion = (\d+)", HEADER)
    assert found is not None
    assert int(found[1]) == abi.ABI_VERSION


def test_numbers_and_kernels_in_order() -> None:
    fields = [(t, n) for t, n in struct_fields() if n != "abi_version"]
    assert tuple(n for t, n in fields if not t.endswith("Kernel")) == abi.NUMBERS
    assert tuple(n for t, n in fields if t.endswith("Kernel")) == abi.KERNELS


def test_signatures() -> None:
    declared = {}
    for name, result, parameters in re.findall(r"using (\w+Kernel) = ([\w:]+) \(\*\)\((.*?)\);", HEADER, re.S):
        types = [TYPES[re.sub(r"\s+\w+$", "", p.strip())] for p in parameters.split(",")]
        declared[name] = (result, types)
    for kind, name in struct_fields():
        if kind.endswith("Kernel"):
            result, types = declared[kind]
            assert [p.split()[0] for p in abi.SIGNATURES[name].split(", ")] == types, name
            assert TYPES.get(result, result) == abi.RESULTS.get(name, "void")
