"""How many fused multiply-adds a second this core can do: the yardstick for everything that is a dot product.

The loop is made with llvmlite: as many vectors as cover the latency of the units, each with its own accumulator that
starts at another value. Equal ones would be merged into one by the compiler, and the loop would measure nothing.

    python benchmarks/peak.py                      # the peak, and the share of it that searches reach
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache

import llvmlite.binding as llvm
import numpy as np

__all__ = ["fma_gflops", "pair_loop", "tile_share"]

# Two units with a latency of 4 or 5 cycles keep 10 in flight; 12 leave room, and fit the 16 registers of AVX2.
_ACCUMULATORS = 12
_STEPS = 200_000

# One call of a kernel a pair, row after row, `rounds` times over: what Python takes to start the loop is then nothing
# beside it. The results are not summed: a sum carried over calls goes through memory, a chain of 40 cycles a call.
_PAIR_LOOP = """
define double @loop(ptr %f, ptr %a, ptr %b, i64 %n, i64 %bytes, i64 %rounds, PARAMETERS) {
entry:
  ALLOCATE
  br label %round
round:
  %r = phi i64 [0, %entry], [%following, %again]
  br label %body
body:
  %i = phi i64 [0, %round], [%next, %body]
  %offset = mul i64 %i, %bytes
  %left = getelementptr i8, ptr %a, i64 %offset
  %right = getelementptr i8, ptr %b, i64 %offset
  CALL
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %body, label %again
again:
  %following = add i64 %r, 1
  %unfinished = icmp slt i64 %following, %rounds
  br i1 %unfinished, label %round, label %end
end:
  ret double %value
}
"""
# anear's kernels return the distance; those of simsimd and numkong take the dimension and write it.
_RETURNING = {
    "PARAMETERS": "ptr %parameters",
    "ALLOCATE": "",
    "CALL": "%value = call double %f(ptr %left, ptr %right, ptr %parameters)",
}
_WRITING = {
    "PARAMETERS": "i64 %columns",
    "ALLOCATE": "%out = alloca double",
    "CALL": "call void %f(ptr %left, ptr %right, i64 %columns, ptr %out)\n  %value = load double, ptr %out",
}


def fma_gflops(seconds: float = 0.05) -> float:
    """Billion floating-point operations a CPU second of one core in single precision; an FMA counts as two."""
    loop, lanes = _fma_loop()
    best, began = 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds or best == 0.0:
        start = time.process_time()
        loop(_STEPS)
        best = max(best, 2.0 * lanes * _ACCUMULATORS * _STEPS / (time.process_time() - start))
    return best / 1e9


@cache
def pair_loop(*, writing: bool = False) -> Callable[..., float]:
    """``loop(kernel, a, b, n, row_bytes, rounds, last)``: n pairs of rows, ``rounds`` times; the last distance.

    The loop is machine code, so that nothing but the kernel is measured. All arguments are addresses or integers;
    ``last`` is the address of the parameters, or, for kernels that write their result, the number of columns.
    """
    source = _PAIR_LOOP
    for word, text in (_WRITING if writing else _RETURNING).items():
        source = source.replace(word, text)
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    types = (pointer, pointer, pointer, integer, integer, integer, integer if writing else pointer)
    return ctypes.CFUNCTYPE(ctypes.c_double, *types)(_compiled(source, "loop"))


@cache
def _fma_loop() -> tuple[Callable[[int], float], int]:
    features = llvm.get_host_cpu_features()
    lanes = 16 if features.get("avx512f") else 8 if features.get("avx2") else 4
    loop = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(_compiled(_fma_source(lanes), "loop"))
    return loop, lanes


def _fma_source(lanes: int) -> str:
    vector = f"<{lanes} x float>"
    starts = [", ".join([f"float {1.0 + number / 64}"] * lanes) for number in range(_ACCUMULATORS)]
    phis = [f"  %a{n} = phi {vector} [<{start}>, %entry], [%b{n}, %body]" for n, start in enumerate(starts)]
    # The factor is not known to the compiler: it comes from the argument.
    steps = [
        f"  %b{n} = call {vector} @llvm.fma.v{lanes}f32({vector} %a{n}, {vector} %factor, {vector} %addend)"
        for n in range(_ACCUMULATORS)
    ]
    sums = [f"  %s0 = fadd {vector} %b0, zeroinitializer"]
    sums += [f"  %s{n} = fadd {vector} %s{n - 1}, %b{n}" for n in range(1, _ACCUMULATORS)]
    lines = [
        f"declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})",
        "define float @loop(i64 %n) {",
        "entry:",
        "  %number = sitofp i64 %n to float",
        "  %quotient = fdiv float 1.0, %number",
        f"  %first = insertelement {vector} undef, float %quotient, i32 0",
        f"  %factor = shufflevector {vector} %first, {vector} undef, <{lanes} x i32> zeroinitializer",
        f"  %addend = fadd {vector} %factor, %factor",
        "  br label %body",
        "body:",
        "  %i = phi i64 [0, %entry], [%next, %body]",
        *phis,
        *steps,
        "  %next = add i64 %i, 1",
        "  %more = icmp slt i64 %next, %n",
        "  br i1 %more, label %body, label %end",
        "end:",
        *sums,
        f"  %result = extractelement {vector} %s{_ACCUMULATORS - 1}, i32 0",
        "  ret float %result",
        "}",
    ]
    return "\n".join(lines)


_kept: list[llvm.ExecutionEngine] = []  # the machine code lives as long as its engine


def _compiled(source: str, name: str) -> int:
    """The address of a function given as LLVM's text, compiled for this machine."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    # LLVM would split 512-bit vectors on processors that it tunes for 256 bits.
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features + ",-prefer-256-bit", opt=2
    )
    module = llvm.parse_assembly(source)
    module.triple = llvm.get_default_triple()
    engine = llvm.create_mcjit_compiler(module, target)
    engine.finalize_object()
    _kept.append(engine)
    return engine.get_function_address(name)


def tile_share(dimensions: int, rounds: int = 7) -> tuple[float, float]:
    """GFLOP/s of a whole search under the inner product, and the share of the peak measured in between."""
    import anear

    rng = np.random.default_rng(0)
    points = rng.standard_normal((4_000_000 // dimensions, dimensions), dtype=np.float32)
    queries = rng.standard_normal((480, dimensions), dtype=np.float32)
    index = anear.Index(points, "negdotprod", num_threads=1)
    best, peak = 0.0, 0.0
    for _ in range(rounds):
        peak = max(peak, fma_gflops(0.02))
        start = time.process_time()
        index.search(queries, 10, num_threads=1)
        best = max(best, 2.0 * points.size * len(queries) / (time.process_time() - start) / 1e9)
    return best, best / peak


def main() -> None:
    """Print the peak and what searches under the inner product make of it."""
    print(f"fused multiply-adds, single precision, one core: {fma_gflops(0.5):.1f} GFLOP/s")
    print("search under the inner product, k = 10, 480 queries, 16 MB of points:")
    for dimensions in (16, 32, 64, 100, 128, 256, 784):
        rate, share = tile_share(dimensions)
        print(f"  D = {dimensions:4}: {rate:6.1f} GFLOP/s, {share:.0%} of the peak")


if __name__ == "__main__":
    main()
