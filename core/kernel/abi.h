// The whole contract between the core and the compiled kernels. `codegen/abi.py` says the same in Python and a test
// compares the two. The core never learns which distance a table computes.
//
// Layouts
//   raw row        one object as it is stored: `columns` numbers of the storage type (coordinates, then fields).
//   raw block      `block` raw rows side by side, transposed: [columns][block], always float64.
//   prepared block what `prepare_points` makes of a raw block: `point_block_bytes` bytes, lanes side by side.
//   prepared row   one point of a prepared block: its entries one behind the other, `row_bytes` bytes.
//   prepared query `query_slots` numbers of the arithmetic type, one query; queries of a group lie
//                  `query_slots` apart.
// `real` below is the arithmetic type: float where `arithmetic_bytes` is 4, else double.
#pragma once
#include <cstdint>

#include "base/point_id.h"

namespace anear {

inline constexpr std::uint32_t kAbiVersion = 5;

// raw blocks -> prepared blocks (points) or prepared blocks of queries ([query_slots][block], to be transposed by the
// caller). Arithmetic is float64 whatever `real` is, so that a prepared value is off by at most half an ulp of `real`.
// `maxima[j]` (the table's `maxima` of them) grows to the largest value that the plan's j-th maximum takes on any lane;
// it may be null, and then is left alone.
using PrepareKernel = void (*)(const double* raw_blocks, std::int64_t n_blocks, const double* parameters, void* out,
                               double* maxima);

// Prepared blocks whose points' coordinates stand in their places already (float, [columns][block], `coordinates` bytes
// from each block's begin), as float32 rows are turned: all else of the blocks. Computed as `prepare_points` does.
using PrepareTurnedKernel = void (*)(void* out, std::int64_t n_blocks, const double* parameters);

// `n` queries, rows of `real` numbers `row_bytes` apart, -> prepared queries. In float64 as well: what `prepare_query`
// computes, without turning rows to lanes and back.
using PrepareRowsKernel = void (*)(const void* rows, std::int64_t row_bytes, std::int64_t n, const double* parameters,
                                   void* out);

// `query_tile` queries against `n_blocks` prepared blocks (a multiple of `point_tile`). Where a lane of block b for
// query q is NOT >= limits[q] (smaller, or either is NaN), the block's whole vector is appended to
// values[q][counts[q]*block ...] and `first_block + b` to blocks[q][counts[q]], and counts[q] grows by one. values[q] starts at
// values + q*capacity*block and blocks[q] at blocks + q*capacity. The caller provides capacity >= counts[q] + n_blocks.
// A limit of NaN lets everything pass. A table with maxima may miss a NaN value while the limit is a number: it relies
// on limits being NaN wherever its rounding bound is not a finite number.
using SelectKernel = void (*)(const void* queries, const void* point_blocks, std::int64_t n_blocks,
                              std::int64_t first_block, const double* parameters, const void* limits, void* values,
                              std::int32_t* blocks, std::int32_t* counts, std::int64_t capacity);

// Writes out[q*out_stride + b*block + lane] for `query_tile` queries and `n_blocks` blocks (a multiple of point_tile).
// The kernel of a guarded plan sets `missing` to 1 if it wrote a NaN; others never touch it.
using StoreKernel = void (*)(const void* queries, const void* point_blocks, std::int64_t n_blocks,
                             const double* parameters, void* out, std::int64_t out_stride, std::int32_t* missing);

// One query against one prepared block: writes its values, and returns of which lanes they are NOT >= limit[0] (bit i:
// lane i), which is all of them where it is NaN.
using LookKernel = std::int64_t (*)(const void* query, const void* point_block, const double* parameters,
                                    const void* limit, void* out);

// `n` queries, query i against the one prepared block places[i]: writes out[i*out_stride + lane], and makes places[i]
// block*places[i] + the first lane of those with the smallest value. Where values are NaN it may be another lane, but
// never one behind the first of those that are alike.
using DescendKernel = void (*)(const void* queries, std::int64_t n, const void* point_blocks, const double* parameters,
                               PointId* places, void* out, std::int64_t out_stride);

// One prepared query (of the table's `real`) to n rows of the storage type, row ids[i] at rows + ids[i]*row_bytes.
using GatherKernel = void (*)(const void* query, const void* rows, std::int64_t row_bytes, const PointId* ids,
                              std::int64_t n, const double* parameters, void* out);

// One prepared query to n prepared rows; values[i] for row ids[i]. Works on `row_tile` rows at a time: ids and out have
// room for n rounded up to that, and the ids beyond n are rows as well. `rows` and `row_bytes` as for gather.
using GatherRowsKernel = void (*)(const void* query, const void* rows, std::int64_t row_bytes, const PointId* ids,
                                  std::int64_t n, const double* parameters, void* out);

// The distance of the objects in two rows; `a` stands for the query.
using PairKernel = double (*)(const void* a, const void* b, const double* parameters);

// Any kernel may be null: not compiled. Two tables serve one index: `search` (hoisted, arithmetic type of the data)
// finds candidates in packed blocks; `exact` (the full formula, float64 arithmetic, raw rows) ranks and reports them.
struct KernelTable {
  std::uint32_t abi_version = kAbiVersion;
  std::int32_t arithmetic_bytes = 0;   // 4 or 8
  std::int32_t block = 0;              // lanes of a block
  std::int32_t query_tile = 0;         // queries a call of `select` / `store`
  std::int32_t point_tile = 0;         // blocks a step of `select` / `store`
  std::int32_t scan_tile = 0;          // blocks a step of `select_one` / `store_one`
  std::int64_t query_columns = 0;      // columns of a raw query
  std::int64_t point_columns = 0;      // columns of a raw point
  std::int64_t query_slots = 0;        // numbers in a prepared query
  std::int64_t point_block_bytes = 0;  // bytes of a prepared block
  std::int32_t maxima = 0;             // how many maxima `prepare_points` reports
  std::int64_t coordinates = -1;       // where the raw rows, turned, begin in a prepared block; -1: they are not there
  std::int64_t row_bytes = 0;          // bytes of a prepared row
  std::int32_t row_tile = 0;           // rows a step of `gather_rows`
  std::int32_t plain_query = 0;        // 1: a prepared query is the raw one
  PrepareKernel prepare_points = nullptr;
  PrepareTurnedKernel prepare_turned = nullptr;  // beside prepare_points, never alone; for float32 rows
  PrepareKernel prepare_query = nullptr;
  PrepareRowsKernel prepare_rows = nullptr;  // beside prepare_query, never alone
  SelectKernel select = nullptr;             // query_tile queries
  SelectKernel select_one = nullptr;         // one query, scan_tile blocks a step
  StoreKernel store = nullptr;
  StoreKernel store_one = nullptr;
  LookKernel look = nullptr;
  DescendKernel descend = nullptr;
  GatherKernel gather = nullptr;
  GatherRowsKernel gather_rows = nullptr;
  PairKernel pair = nullptr;
};

}  // namespace anear
