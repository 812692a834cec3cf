"""The index and the searches: what a user calls. The only package that knows the compiled core.

resolve(distance) -> stages -> plan -> kernels (codegen) -> tables -> _core.Flat
"""
