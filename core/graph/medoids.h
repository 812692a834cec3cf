// Points that stand for others.
#pragma once
#include <cstdint>
#include <vector>

#include "graph/linking.h"

namespace anear {

// At most `count` points spread over the set: of each of so many halves of halves the point that is nearest to the
// others, by a sample of them.
std::vector<std::int32_t> medoids(const GraphPoints& points, std::int64_t count, std::uint64_t seed, int threads,
                                  Progress& progress);

}  // namespace anear
