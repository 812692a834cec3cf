// Coordinates of points as keys, and the ranges of points that are cut by them.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/point_id.h"
#include "parts/cut.h"
#include "parts/partition.h"
#include "storage/rows.h"

namespace anear {

// Of more than kMost columns those that extend furthest.
class Coordinates {
 public:
  static constexpr std::int64_t kMost = 32;

  explicit Coordinates(const Rows& rows);

  std::int64_t count() const { return static_cast<std::int64_t>(columns_.size()); }

  // Coordinate j of points `ids`, or, where that is null, of those from `first` on. NaN counts as infinity.
  void load(std::int64_t j, const PointId* ids, std::int64_t first, std::int64_t count, Key* out) const;

 private:
  const Rows& rows_;
  std::vector<std::int32_t> columns_;
};

// Points of a cell that so many cuts have cut out.
struct CellRange {
  std::int64_t first, last;
  int depth;

  std::int64_t size() const { return last - first; }
  // How many of them the next cut puts on its left.
  std::int64_t left(std::int64_t block) const { return left_blocks((size() + block - 1) / block, block) * block; }
};

// What a choice by `widest` looks at: all points of a small range; of a large one so many, equally far apart in it.
constexpr std::int64_t kAllLookedAt = 2048, kSample = kAllLookedAt / 8;
using SampleKeys = std::array<Key, Coordinates::kMost * kSample>;

// The column in which n rows reach furthest.
std::int64_t widest(const Cutter& cutter, const Columns& points, std::int64_t n);

}  // namespace anear
