"""From a plan to machine code.

    plan --layout--> places --kernels + emit + math--> LLVM text --jit--> object --cache--> disk
                                        |
                              compiler: the way in

Knows formulas, but no distance by name, and no data. The core loads what comes out; nothing here calls it.
"""
