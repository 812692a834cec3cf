// Points as prepared rows, one after the other: for methods that meet their points one by one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/gate.h"
#include "base/memory.h"
#include "base/progress.h"
#include "kernel/abi.h"
#include "storage/rows.h"

namespace anear {

// An entry of a prepared block and where it goes in a prepared row. Lanes lie side by side in the block.
struct RowPiece {
  std::int64_t block_offset, length, item_bytes, row_offset;
};

// How a table's prepared points lie as rows.
struct RowForm {
  std::vector<RowPiece> pieces;
  bool raw = false;             // a prepared row is the raw row: nothing has to be kept beside the points
  Rows objects;                 // the points once more, as queries
  bool raw_queries = false;     // a prepared query is the raw row of `objects`
  bool symmetric = false;       // two objects are as far apart from either side
  bool never_negative = false;  // no rank is below 0

  // Throws ArgumentError if this does not fit the table and the points.
  void check(const KernelTable& table, const Rows& points) const;
};

class RowPoints {
 public:
  RowPoints() = default;
  RowPoints(const KernelTable& table, const double* parameters, const RowForm& form, const Rows& rows, int threads,
            Progress& progress);
  // Rows that were prepared before: null where they are the raw ones. Throws ArgumentError if they do not fit.
  RowPoints(const KernelTable& table, const RowForm& form, const Rows& rows, const std::byte* prepared,
            std::int64_t prepared_bytes, std::vector<double> maxima);

  // Takes in the rows from `first` on, while others read those before.
  void extend(const KernelTable& table, const double* parameters, const RowForm& form, const Rows& rows,
              std::int64_t first, int threads, Gate& gate, Progress& progress);

  const std::byte* data() const { return data_; }
  std::int64_t row_bytes() const { return row_bytes_; }
  const std::byte* row(std::int64_t i) const { return data_ + i * row_bytes_; }
  std::int64_t bytes() const { return bytes_; }
  // Largest values over all points that enter the rounding bound.
  const std::vector<double>& maxima() const { return maxima_; }

 private:
  AlignedArray<std::byte> memory_;
  const std::byte* data_ = nullptr;
  // Prepares rows from `first` on; `out` is where row 0 goes. Returns their maxima.
  std::vector<double> prepare(const KernelTable& table, const double* parameters, const RowForm& form, const Rows& rows,
                              std::int64_t first, std::byte* out, int threads, Progress& progress) const;

  std::int64_t row_bytes_ = 0, bytes_ = 0;  // of a row, and of all where they are kept beside the points
  std::vector<double> maxima_;
};

}  // namespace anear
