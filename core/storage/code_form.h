// What codes are made of: the terms of a plan, and how the points' numbers are come by.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/spares.h"
#include "kernel/table.h"
#include "storage/prepared.h"
#include "storage/rows.h"

namespace anear {

// The terms of a plan: where a prepared query (in slots) and a prepared block (in bytes) have them.
struct CodeTerm {
  std::int64_t slot;  // of the query; -1: the factor 1 (of scalars)
  std::int64_t block_offset;
  std::int64_t length;  // 0: a scalar
  // With a kernel: where it has the term in a row (in bytes), and its low and step among the kernel's parameters.
  std::int64_t row_offset, low_at, step_at;
};

struct CodeForm {
  std::shared_ptr<const Table> table;  // prepares points and queries: vectors in float32, scalars in float64
  std::vector<double> parameters;
  std::vector<CodeTerm> terms;
  std::shared_ptr<const Table> kernel;  // null: the plan is bilinear
  std::vector<double> kernel_parameters;
  std::int32_t bits = 8;        // of a code; 4: two share a byte
  std::int64_t levels_at = -1;  // of codes of four bits, with a kernel: where its parameters have the sixteen levels
  std::int64_t objects = 0;     // columns of a row that make a query of the point; 0: points cannot stand as queries
  // With a kernel: the codes are those of all coordinates, as they are. A point's scalars are then computed of what its
  // codes stand for: terms that nearly cancel would not, if one knew the point and the other but its codes.
  bool whole = false;

  // Throws ArgumentError if the terms do not fit the table.
  void check() const;

  // Bytes of so many codes in a kernel's row. Of two that share a byte the first is the lower half; a kernel that begins
  // at the second reads one byte more.
  std::int64_t coded_bytes(std::int64_t length) const { return bits == 8 ? length : length / 2 + 1; }
  // Codes in all, and scalars that the points have beside them.
  std::int64_t length() const;
};

// Some points, prepared, and as the queries that they are.
struct CodePoints {
  const CodeForm* form = nullptr;
  const std::byte* blocks = nullptr;
  const PreparedQueries* queries = nullptr;  // null: there are none

  // The i-th point's number in a term, and the number behind it in `stride()` numbers.
  const float* vector(std::int64_t i, const CodeTerm& term) const { return at<float>(i, term); }
  std::int64_t stride() const { return form->table->kernels().block; }
  double scalar(std::int64_t i, const CodeTerm& term) const { return *at<double>(i, term); }
  const float* weights(std::int64_t i, const CodeTerm& term) const {
    return reinterpret_cast<const float*>(queries->query(i)) + term.slot;
  }

 private:
  template <class Number>
  const Number* at(std::int64_t i, const CodeTerm& term) const {
    const KernelTable& table = form->table->kernels();
    const std::byte* block = blocks + i / table.block * table.point_block_bytes + term.block_offset;
    return reinterpret_cast<const Number*>(block) + i % table.block;
  }
};

struct CodeScratch {
  AlignedArray<double> raw;
  AlignedArray<float> decoded;
  AlignedArray<std::byte> blocks, objects;
  PreparedQueries queries;
};

// The first `columns` of rows [first, first + count), which lie where they are if those are all.
inline Rows leading_columns(const Rows& rows, std::int64_t columns, std::int64_t first, std::int64_t count,
                            AlignedArray<std::byte>& memory) {
  const Rows narrow{nullptr, count, columns, rows.storage};
  if (columns == rows.columns) return {rows.row(first), count, columns, rows.storage};
  std::byte* out = memory.ensure(count * narrow.row_bytes());
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(out + i * narrow.row_bytes(), rows.row(first + i), narrow.row_bytes());
  }
  return {out, count, columns, rows.storage};
}

// Calls take(first, count, points, scratch) for all rows from `begin` on, some at a time; `queries`: as queries as well.
// The points lie in the scratch's blocks.
template <class Take>
void each_point(const CodeForm& form, const Rows& rows, std::int64_t begin, bool queries, int threads,
                Progress& progress, const Take& take) {
  constexpr std::int64_t kTaskRows = 4096;  // prepared by a task
  constexpr std::int64_t kTaskBlocks = 8;   // at a time
  const KernelTable& table = form.table->kernels();
  queries = queries && form.objects > 0;
  Spares<CodeScratch> spares;
  progress.start(rows.count - begin);
  parallel_for((rows.count - begin + kTaskRows - 1) / kTaskRows, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    scratch->blocks.ensure(kTaskBlocks * table.point_block_bytes);
    const std::int64_t start = begin + task * kTaskRows, end = std::min(start + kTaskRows, rows.count);
    for (std::int64_t first = start; first < end; first += kTaskBlocks * table.block) {
      const std::int64_t count = std::min(kTaskBlocks * table.block, end - first);
      prepare_blocks(table, form.parameters.data(), rows, first, (count + table.block - 1) / table.block,
                     scratch->blocks.data(), nullptr, scratch->raw);
      if (queries) {
        const Rows objects = leading_columns(rows, form.objects, first, count, scratch->objects);
        scratch->queries.prepare(table, form.parameters.data(), objects, 0, count, count);
      }
      take(first, count, CodePoints{&form, scratch->blocks.data(), queries ? &scratch->queries : nullptr}, *scratch);
    }
    spares.give(std::move(scratch));
    progress.advance(end - start);
  });
}

}  // namespace anear
