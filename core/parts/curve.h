// Neighbouring queries one after the other: what one has fetched into the cache, the next finds there.
#pragma once
#include <cstdint>
#include <vector>

#include "base/point_id.h"
#include "storage/rows.h"

namespace anear {

// The rows in the order of a Z-shaped curve through their first columns (Morton, 1966). A matter of speed alone.
std::vector<PointId> curve_order(const Rows& rows);

}  // namespace anear
