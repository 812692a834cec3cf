// Points as codes of eight bits, for walks: four times as many fit in a cache line as of float32.
//
// A bilinear plan computes  sum_s q_s * p_s + sum_i Q_i * P_i.  The scalars p_s are kept as they are; each P_i is rounded
// to one of 256 evenly spaced numbers between its smallest and its largest, low_i + step_i * code_i. A query's weights
// Q_i * step_i are rounded to 15 bits, and what is left of a pair is an inner product of small integers.
//
// Of any other formula the kernel decodes: it is compiled with low + step * code in place of each number.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/gate.h"
#include "base/memory.h"
#include "base/progress.h"
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
  std::shared_ptr<const Table> table;  // prepares points and queries, all in float32
  std::vector<double> parameters;
  std::vector<CodeTerm> terms;
  std::shared_ptr<const Table> kernel;  // null: the plan is bilinear
  std::vector<double> kernel_parameters;

  // Throws ArgumentError if the terms do not fit the table.
  void check() const;
};

// A query, ready to be compared with codes.
struct CodeQuery {
  AlignedArray<std::int8_t> high,
      low;  // weight = scale * (128 * high + low), both padded with zeros to whole registers
  std::vector<float> scalars;
  float scale = 0, base = 0;
  const void* raw = nullptr;  // for a kernel: the prepared query as it is
};

// Codes where they lie: rows and scalars of all points; the smallest number and the step of each column of codes.
struct MadeCodes {
  std::span<const std::byte> rows;
  std::span<const float> scalars, low, step;
};

class Codes {
 public:
  Codes(CodeForm form, const Rows& rows, int threads, Progress& progress);
  // Codes that were made before, which stay where they are. Throws ArgumentError if they are of other sizes.
  Codes(CodeForm form, std::int64_t points, const MadeCodes& made);

  // Those of the first so many points.
  MadeCodes made(std::int64_t points) const {
    const auto rows = static_cast<std::size_t>(points * row_bytes_),
               count = static_cast<std::size_t>(points * scalars_);
    return {{memory_.data(), rows}, {numbers_.data(), count}, low_, step_};
  }

  // Takes in the rows from `first` on, while others read those before. What lies outside of what the first points held
  // becomes the code nearest to it.
  void extend(const Rows& rows, std::int64_t first, int threads, Gate& gate, Progress& progress);

  // Queries of the form's table, prepared from raw ones.
  void prepare(const PreparedQueries& queries, std::int64_t i, CodeQuery& query) const;
  const CodeForm& form() const { return form_; }

  // out[i]: about the rank of point ids[i]. Ids and out have room for n rounded up to `tile`, and the ids beyond n are
  // points as well.
  void values(const CodeQuery& query, const std::int32_t* ids, std::int64_t n, float* out) const {
    values_(*this, query, ids, n, out);
  }

  const std::byte* row(std::int64_t i) const { return memory_.data() + i * row_bytes_; }
  std::int64_t tile() const { return form_.kernel ? form_.kernel->kernels().row_tile : 1; }
  std::int64_t row_bytes() const { return row_bytes_; }  // whole cache lines
  std::int64_t length() const { return length_; }        // codes of a point
  std::int64_t scalars() const { return scalars_; }      // float numbers of a point
  const float* scalars_of(std::int64_t i) const { return numbers_.data() + i * scalars_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size() + numbers_.size() * sizeof(float)); }

 private:
  using Values = void (*)(const Codes&, const CodeQuery&, const std::int32_t*, std::int64_t, float*);

  void measure();
  void encode(const Rows& rows, std::int64_t first, std::byte* codes, float* scalars, int threads,
              Progress& progress) const;
  void fill_parameters();

  CodeForm form_;
  std::int64_t length_ = 0, scalars_ = 0, row_bytes_ = 0;
  std::vector<float> low_, step_;
  AlignedArray<std::byte> memory_;
  AlignedArray<float> numbers_;  // the scalars: few enough to stay in a cache that the codes do not fit
  Values values_ = nullptr;
};

}  // namespace anear
