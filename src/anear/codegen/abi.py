"""The contract with the core, as Python sees it: the mirror of ``core/kernel/abi.h`` (a test compares the two)."""

from __future__ import annotations

from typing import Final

__all__ = ["ABI_VERSION", "KERNELS", "NUMBERS", "RESULTS", "SIGNATURES"]

ABI_VERSION: Final = 5

# the kernels of a table, and their parameters as LLVM types (what they return, where it is something, below)
SIGNATURES: Final[dict[str, str]] = {
    "prepare_points": "ptr %raw, i64 %n_blocks, ptr %parameters, ptr %out, ptr %maxima",
    "prepare_turned": "ptr %out, i64 %n_blocks, ptr %parameters",
    "prepare_query": "ptr %raw, i64 %n_blocks, ptr %parameters, ptr %out, ptr %maxima",
    "prepare_rows": "ptr %rows, i64 %row_bytes, i64 %n, ptr %parameters, ptr %out",
    "select": "ptr %queries, ptr %points, i64 %n_blocks, i64 %first_block, ptr %parameters, ptr %limits, "
    "ptr %values, ptr %blocks, ptr %counts, i64 %capacity",
    "select_one": "ptr %queries, ptr %points, i64 %n_blocks, i64 %first_block, ptr %parameters, ptr %limits, "
    "ptr %values, ptr %blocks, ptr %counts, i64 %capacity",
    "store": "ptr %queries, ptr %points, i64 %n_blocks, ptr %parameters, ptr %out, i64 %out_stride, ptr %missing",
    "store_one": "ptr %queries, ptr %points, i64 %n_blocks, ptr %parameters, ptr %out, i64 %out_stride, ptr %missing",
    "look": "ptr %query, ptr %block, ptr %parameters, ptr %limit, ptr %out",
    "descend": "ptr %queries, i64 %n, ptr %points, ptr %parameters, ptr %places, ptr %out, i64 %out_stride",
    "gather": "ptr %query, ptr %rows, i64 %row_bytes, ptr %ids, i64 %n, ptr %parameters, ptr %out",
    "gather_rows": "ptr %query, ptr %rows, i64 %row_bytes, ptr %ids, i64 %n, ptr %parameters, ptr %out",
    "pair": "ptr %a, ptr %b, ptr %parameters",
}
RESULTS: Final = {"look": "i64", "pair": "double"}
KERNELS: Final = tuple(SIGNATURES)

# the numbers of a table, in the order of the struct
NUMBERS: Final = (
    "arithmetic_bytes",
    "block",
    "query_tile",
    "point_tile",
    "scan_tile",
    "query_columns",
    "point_columns",
    "query_slots",
    "point_block_bytes",
    "maxima",
    "coordinates",
    "row_bytes",
    "row_tile",
    "plain_query",
)
