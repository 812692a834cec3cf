"""Compiling one elementwise function for the host and calling it on arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import llvmlite.binding as llvm
import numpy as np

from anear.codegen.llvm import Body, Kind

Emitter = Callable[..., str]

DTYPES = {32: np.float32, 64: np.float64}
_ENGINES: list[llvm.ExecutionEngine] = []


@cache
def initialise() -> None:
    """Every target, once."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


def module_text(emitter: Emitter, arity: int, bits: int, lanes: int, fused: bool = True) -> str:
    """A module with ``void f(ptr in..., ptr out, i64 n)``: n is in numbers and a multiple of the lanes."""
    body = Body(Kind(bits, lanes))
    body.fused = fused
    inputs = [f"%in{i}" for i in range(arity)]
    with body.loop("%n", step=lanes) as loop:
        offset = body.emit(f"mul i64 {loop.index}, {bits // 8}")
        values = [body.load(body.at(pointer, offset)) for pointer in inputs]
        body.store(emitter(body, *values), body.at("%out", offset))
    parameters = ", ".join(f"ptr noalias {name}" for name in [*inputs, "%out"])
    lines = "\n".join(body.lines)
    declarations = "\n".join(sorted(body.declarations))
    return f"define void @f({parameters}, i64 %n) {{\nentry:\n{lines}\n  ret void\n}}\n{declarations}\n"


def target_machine(triple: str = "", cpu: str = "", features: str = "") -> llvm.TargetMachine:
    """The machine for the triple, or for the host."""
    initialise()
    if triple:
        target = llvm.Target.from_triple(triple)
        return target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small")
    host = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=host + features, opt=3
    )


def optimised(text: str, machine: llvm.TargetMachine, triple: str = "") -> llvm.ModuleRef:
    """The parsed, verified and optimised module."""
    module = llvm.parse_assembly(text)
    module.verify()
    module.triple = triple or llvm.get_default_triple()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def compiled(
    emitter: Emitter, arity: int, bits: int, lanes: int | None = None, fused: bool = True, features: str = ""
) -> Callable[..., np.ndarray]:
    """The function as one on arrays of any length; the arguments are broadcast and converted."""
    width = lanes or 512 // bits
    machine = target_machine(features=features)
    module = optimised(module_text(emitter, arity, bits, width, fused), machine)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _ENGINES.append(engine)
    address = engine.get_function_address("f")
    raw = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)(address)
    dtype = DTYPES[bits]

    def call(*arrays: np.ndarray) -> np.ndarray:
        broadcast = np.broadcast_arrays(*arrays)
        shape, size = broadcast[0].shape, broadcast[0].size
        padded = -(-max(size, 1) // width) * width
        inputs = []
        for array in broadcast:
            buffer = np.ones(padded, dtype)
            buffer[:size] = array.ravel()
            inputs.append(buffer)
        out = np.empty(padded, dtype)
        raw(*[a.ctypes.data for a in inputs], out.ctypes.data, padded)
        return out[:size].reshape(shape)

    call.raw = raw  # type: ignore[attr-defined]
    return call
