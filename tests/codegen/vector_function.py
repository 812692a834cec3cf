"""Compiling elementwise functions for this machine and calling them on arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from anear.codegen.llvm import Body, Kind

Emitter = Callable[..., str]
Array = npt.NDArray[Any]

DTYPES: dict[int, type[np.floating[Any]]] = {32: np.float32, 64: np.float64}


@cache
def initialise() -> None:
    """LLVM's back ends, once."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


def target_machine(triple: str = "", cpu: str = "", features: str = "") -> llvm.TargetMachine:
    """LLVM's machine for the triple, or this computer. Each engine needs one of its own."""
    initialise()
    if triple:
        target = llvm.Target.from_triple(triple)
    else:
        target = llvm.Target.from_default_triple()
        cpu = cpu or llvm.get_host_cpu_name()
        features = features or llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=cpu, features=features, opt=3)


def function_text(name: str, emitter: Emitter, arity: int, body: Body) -> str:
    """``void name(ptr in..., ptr out, i64 n)``: n numbers, a multiple of the lanes and not 0."""
    inputs = [f"%in{i}" for i in range(arity)]
    with body.loop("%n", step=body.kind.lanes) as loop:
        offset = body.emit(f"mul i64 {loop.index}, {body.kind.size}")
        values = [body.load(body.at(pointer, offset)) for pointer in inputs]
        body.store(emitter(body, *values), body.at("%out", offset))
    parameters = ", ".join(f"ptr noalias {pointer}" for pointer in [*inputs, "%out"])
    return "\n".join([f"define void @{name}({parameters}, i64 %n) {{", "entry:", *body.lines, "  ret void", "}"])


def module_text(functions: Mapping[str, tuple[Emitter, int]], kind: Kind, **flags: bool) -> str:
    """A module with a function for each emitter of the arity beside it; the flags are the bodies' (``fused``)."""
    texts, declarations = [], set()
    for name, (emitter, arity) in functions.items():
        body = Body(kind)
        for flag, value in flags.items():
            setattr(body, flag, value)
        texts.append(function_text(name, emitter, arity, body))
        declarations |= body.declarations
    return "\n".join([*texts, *sorted(declarations), ""])


def parsed(text: str, triple: str) -> llvm.ModuleRef:
    """The verified module."""
    module = llvm.parse_assembly(text)
    module.triple = triple
    module.verify()
    return module


def compiled_module(text: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    """The parsed, verified and optimised module, for this computer."""
    module = parsed(text, llvm.get_default_triple())
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    builder.getModulePassManager().run(module, builder)
    return module


class VectorFunction:
    """An elementwise function on arrays of any length, which are broadcast and converted to the kind's type."""

    def __init__(self, emitter: Emitter, arity: int, kind: Kind, cpu: str = "", **flags: bool) -> None:
        machine = target_machine(cpu=cpu, features="+sse2" if cpu else "")
        module = compiled_module(module_text({"f": (emitter, arity)}, kind, **flags), machine)
        self.kind = kind
        self.engine = llvm.create_mcjit_compiler(module, machine)
        self.engine.finalize_object()
        address = self.engine.get_function_address("f")
        self.raw = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)(address)

    def __call__(self, *arrays: Array) -> Array:
        broadcast = np.broadcast_arrays(*arrays)
        size, lanes = broadcast[0].size, self.kind.lanes
        padded = -(-max(size, 1) // lanes) * lanes
        inputs = []
        for array in broadcast:
            buffer = np.ones(padded, DTYPES[self.kind.bits])
            buffer[:size] = array.ravel()
            inputs.append(buffer)
        out = np.empty(padded, DTYPES[self.kind.bits])
        self.raw(*[a.ctypes.data for a in inputs], out.ctypes.data, padded)
        return out[:size].reshape(broadcast[0].shape)
