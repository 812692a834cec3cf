// Points as codes of eight or four bits, for walks: four or eight times as many fit in a cache line as of float32.
//
// A bilinear plan computes  sum_s q_s * p_s + sum_i Q_i * P_i.  The scalars p_s are kept as they are; of each P_i a code
// remains, which stands for one of 256 or 16 numbers low_i + step_i * level (`code_scale.h`). A query's weights
// (Q_i - middle_i) * step_i are rounded to 15 bits, or 8 beside codes of four, and what is left of a pair is an inner
// product of small integers. What is left out of it, middle_i * P_i and part of what the codes are off by, each point has
// as one scalar of its own.
//
// Of any other formula the kernel decodes: it is compiled with low + step * level in place of each number.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/gate.h"
#include "base/memory.h"
#include "base/progress.h"
#include "storage/code_form.h"
#include "storage/code_scale.h"
#include "storage/code_values.h"
#include "storage/prepared.h"
#include "storage/rows.h"

namespace anear {

// A query, ready to be compared with codes.
struct CodeQuery {
  // weight = scale * (128 * high + low), beside codes of four bits scale * high; padded with zeros to whole registers
  AlignedArray<std::int8_t> high, low;
  std::vector<float> scalars;  // what those of a point are multiplied with
  float scale = 0;
  const void* raw = nullptr;  // for a kernel: the prepared query as it is
};

// Codes where they lie: rows and scalars of all points; what they stand for, column by column; the weights' middles, the
// share and the shift of `CodeScale`.
struct MadeCodes {
  std::span<const std::byte> rows;
  std::span<const float> scalars, low, step;
  std::span<const double> common;
  std::span<const std::uint8_t> levels;  // of codes of four bits
};

class Codes {
 public:
  Codes(CodeForm form, const Rows& rows, int threads, Progress& progress);
  // Codes that were made before, which stay where they are. Throws ArgumentError if they are of other sizes.
  Codes(CodeForm form, std::int64_t points, const MadeCodes& made);

  // Those of the first so many points; they lie in the codes.
  MadeCodes made(std::int64_t points) const {
    const auto rows = static_cast<std::size_t>(points * row_bytes_),
               count = static_cast<std::size_t>(points * scalars_);
    const auto levels = static_cast<std::size_t>(form_.bits == 4 ? scale_.levels.size() : 0);
    return {{memory_.data(), rows},        {numbers_.data(), count}, scale_.low, scale_.step, common_,
            {scale_.levels.data(), levels}};
  }

  // Takes in the rows from `first` on, while others read those before. What lies outside of what the first points held
  // becomes the code nearest to it.
  void extend(const Rows& rows, std::int64_t first, int threads, Gate& gate, Progress& progress);

  // Queries of the form's table, prepared from raw ones.
  void prepare(const PreparedQueries& queries, std::int64_t i, CodeQuery& query) const;
  const CodeForm& form() const { return form_; }

  // out[i]: about the rank of point ids[i], but for a number that is the same for all of a query's points. Ids and out have room for n rounded up to `tile`, and the ids beyond n are
  // points as well.
  void values(const CodeQuery& query, const PointId* ids, std::int64_t n, float* out) const {
    values_(*this, query, ids, n, out);
  }

  const std::byte* row(std::int64_t i) const { return memory_.data() + i * row_bytes_; }
  std::int64_t tile() const { return form_.kernel ? form_.kernel->kernels().row_tile : kCodeTile; }
  std::int64_t row_bytes() const { return row_bytes_; }  // whole cache lines
  std::int64_t length() const { return length_; }        // codes of a point
  const CodeScale& scale() const { return scale_; }
  std::int64_t scalars() const { return scalars_; }  // float numbers of a point
  const float* scalars_of(std::int64_t i) const { return numbers_.data() + i * scalars_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size() + numbers_.size() * sizeof(float)); }

 private:
  void measure();
  void encode(const Rows& rows, std::int64_t first, std::byte* codes, float* scalars, int threads,
              Progress& progress) const;
  void scalars_of_codes(std::int64_t first, std::int64_t count, std::byte* codes, CodeScratch& scratch) const;
  float stands_for(const std::byte* row, CodePlace place, std::int64_t column) const;
  CodePlace place(const CodeTerm& term, std::int64_t column, std::int64_t j) const;
  void encode_one(const CodePoints& points, std::int64_t i, const std::array<std::uint8_t, 256>& nearest,
                  std::byte* row, float* scalars) const;
  void fill_parameters();

  CodeForm form_;
  std::int64_t length_ = 0, scalars_ = 0, row_bytes_ = 0;
  CodeScale scale_;
  std::vector<double> common_;  // of the scale, as it is stored
  AlignedArray<std::byte> memory_;
  AlignedArray<float> numbers_;  // the scalars: few enough to stay in a cache that the codes do not fit
  CodeValues values_ = nullptr;
};

}  // namespace anear
