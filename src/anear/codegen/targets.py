"""The processors that kernels are compiled for.

A level, not a model: one compiled kernel then serves every machine of its level, so a cache can be shared. The core
says which level this machine has; LLVM is not asked, because a warm start does not load it.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from anear.errors import ArgumentError, CompileError

__all__ = ["TARGETS", "Target", "host_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """What the generator must know of a processor.

    Attributes
    ----------
    name : the level's name.
    triple : LLVM's name of the machine; always an ELF one, for the core's own loader reads ELF everywhere.
    cpu, features : LLVM's processor and extra features.
    vector_bytes : the width of a vector register.
    registers : how many vector registers there are.
    fused : whether a*b+c is one instruction.
    half : whether float16 converts in hardware.
    pairs : whether it multiplies pairs of bfloat16 and adds both products to a float32.
    needs : the names, as the core reports them, of what a machine must have to run this.
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int
    fused: bool
    half: bool
    needs: frozenset[str]
    pairs: bool = False


_X86: Final = "x86_64-unknown-linux-gnu"
_AVX2: Final = frozenset({"avx2", "fma", "f16c"})
_AVX512: Final = _AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
TARGETS: Final[dict[str, Target]] = {
    t.name: t
    for t in (
        Target("x86-64-v2", _X86, "x86-64-v2", "", 16, 16, False, False, frozenset({"sse4.2"})),
        Target("x86-64-v3", _X86, "x86-64-v3", "", 32, 16, True, True, _AVX2),
        Target(
            "x86-64-v4",
            _X86,
            "x86-64-v4",
            "-prefer-256-bit",
            64,
            32,
            True,
            True,
            _AVX512,
        ),
        Target(
            "x86-64-v4-bf16",
            _X86,
            "x86-64-v4",
            "-prefer-256-bit,+avx512bf16",
            64,
            32,
            True,
            True,
            _AVX512 | {"avx512bf16"},
            pairs=True,
        ),
        Target("aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", 16, 32, True, True, frozenset({"neon"})),
    )
}


def host_target(features: Iterable[str], override: str | None = None) -> Target:
    """The best target for a machine with these features (as ``anear._core.host_features`` names them).

    ``override`` (the environment variable ANEAR_TARGET) chooses a lower one by name.
    """
    have = frozenset(features)
    fitting = [t for t in TARGETS.values() if t.needs <= have]
    if not fitting:
        raise CompileError(
            f"this processor ({platform.machine()}) has none of the instruction sets anear compiles for: "
            f"{', '.join(TARGETS)}"
        )
    if override:
        for target in fitting:
            if target.name == override:
                return target
        allowed = ", ".join(t.name for t in fitting)
        raise ArgumentError(f"ANEAR_TARGET is {override!r}; this machine can run: {allowed}")
    return fitting[-1]
