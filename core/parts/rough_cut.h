// Cutting more points than should travel with their coordinates.
#pragma once
#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "parts/coordinates.h"

namespace anear {

// Cuts `order`, all points in the order of their ids, into ranges of at most `most` points, kAllLookedAt or more, and
// returns these. They hold what Partition would put there, ids ascending. Only ids move: coordinates are read from the
// rows again for each step of a cut, which takes no memory but for another array of ids.
std::vector<CellRange> cut_roughly(const Coordinates& coordinates, std::int64_t block, SplitRule rule,
                                   std::int64_t most, std::vector<PointId>& order, int threads, Progress& progress);

}  // namespace anear
