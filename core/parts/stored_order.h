// The order of a tree's points, as an array by name.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "index/stored.h"

namespace anear {

// `block`: how many points a leaf holds; it must live as long as the parts are used.
std::vector<Part> order_parts(const std::vector<PointId>& order, const std::int32_t& block);

// The order that was stored, where it was made for leaves of `block` points: another processor has others, and its cells
// would not be compact. Of any permutation the tree answers exactly, so that is all that is looked at. Throws
// ArgumentError if it is none.
std::optional<std::vector<PointId>> stored_order(const std::optional<Stored>& stored, std::int64_t points,
                                                 std::int64_t block);

}  // namespace anear
