// Where a tree's leaves hold the rows of their points.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/point_id.h"
#include "result/two_doubles.h"

namespace anear {

// Where candidates' rows are: a leaf that was just scanned is in the cache, and may hold its points' rows as they are,
// turned; the rows themselves lie anywhere in memory.
struct LeafRows {
  const PointId* order = nullptr;     // the id at each place
  const std::byte* blocks = nullptr;  // null: the leaves do not hold the rows
  std::int64_t block_bytes = 0, lanes = 1;
  int shift = 0;  // lanes are 2^shift
  std::int64_t columns = 0, item_bytes = 0;

  bool copies() const { return blocks != nullptr; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(columns * item_bytes); }
  // A leaf holds the rows of its points in turn: that of the first begins where the leaf does, each other's `item_bytes`
  // further on.
  void copy(PointId place, std::byte* row) const {
    const std::byte* const from = blocks + (place >> shift) * block_bytes + (place & (lanes - 1)) * item_bytes;
    if (item_bytes == 8) {
      copy_doubles(reinterpret_cast<const double*>(from), reinterpret_cast<double*>(row));
    } else {
      for (std::int64_t j = 0; j < columns; ++j) std::memcpy(row + 4 * j, from + 4 * j * lanes, 4);
    }
  }

 private:
  // By twos, as they will be read at once: what was written in pieces is read only once it has come to the cache, behind
  // all that was written before.
  void copy_doubles(const double* from, double* row) const {
    std::int64_t j = 0;
    for (; j + 2 <= columns; j += 2) TwoDoubles::of(from[j * lanes], from[(j + 1) * lanes]).store(row + j);
    if (j < columns) row[j] = from[j * lanes];
  }
};

}  // namespace anear
