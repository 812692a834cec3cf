// Points in cells, cells in cells: what a tree of boxes searches.
#pragma once
#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "index/method.h"
#include "storage/prepared.h"

namespace anear {

// Level 0 has a box for each block of points, level j + 1 one for each block of boxes of level j; the last level is one
// block. Nothing points anywhere: the children of node i are block i of what lies below.
class Hierarchy {
 public:
  Hierarchy() = default;

  // The rows of each level's cells, for cells that are no boxes.
  Hierarchy(const Estimate& bound, const std::vector<Rows>& levels, int threads, Progress& progress);

  int levels() const { return static_cast<int>(levels_.size()); }
  const PackedPoints& level(int i) const { return levels_[i].boxes; }
  // The same cells for the upper bound, where there is one.
  const PackedPoints& upper(int i) const { return levels_[i].upper; }
  std::int64_t nodes(int level) const { return levels_[level].count; }
  const std::vector<double>& maxima() const { return maxima_; }
  const std::vector<double>& upper_maxima() const { return upper_maxima_; }
  std::int64_t bytes() const;

 private:
  struct Level {
    PackedPoints boxes, upper;
    std::int64_t count = 0;
  };

  void add(const Estimate& bound, const Estimate* upper, const Rows& cells, int threads, Progress& progress);

  std::vector<Level> levels_;
  std::vector<double> maxima_, upper_maxima_;
  friend struct BoxedPoints;
};

// Points packed for a search, and the boxes that hold them; `order`: their ids, cell by cell.
struct BoxedPoints {
  BoxedPoints(const Boxes& boxes, const Rows& rows, const Estimate& search, const std::vector<PointId>& order,
              int threads, Progress& progress);

  PackedPoints points;
  Hierarchy hierarchy;
};

}  // namespace anear
