"""LLVM text -> an object file's bytes. The only module that imports llvmlite, and only when something is compiled."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from anear.codegen.targets import Target
from anear.errors import CompileError

__all__ = ["assembly", "compile_text"]

_lock = threading.Lock()


@cache
def _machine(target: Target) -> Any:
    """LLVM's code generator for a target."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="small"
    )


def _module(text: str, target: Target) -> Any:
    import llvmlite.binding as llvm

    machine = _machine(target)
    try:
        module = llvm.parse_assembly(text)
        module.triple = target.triple
        module.data_layout = str(machine.target_data)
        module.verify()
    except RuntimeError as error:
        raise CompileError(f"the generated code is not valid for {target.name}: {error}") from error
    # The text is already vector code in the shape we want: only comparisons that choose (where) are left to join.
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_function_pass_manager()
    for add in _PASSES:
        getattr(passes, add)()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return module


_PASSES = ("add_instruction_combine_pass", "add_dead_code_elimination_pass")


def compile_text(text: str, target: Target) -> bytes:
    """The relocatable object of a module; raises CompileError with LLVM's words where it cannot be made."""
    with _lock:
        data: bytes = _machine(target).emit_object(_module(text, target))
    return data


def assembly(text: str, target: Target) -> str:
    """The machine code as text, for people who want to see it."""
    with _lock:
        listing: str = _machine(target).emit_assembly(_module(text, target))
    return listing
