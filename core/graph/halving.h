// Points put together with those near them, by halves: an order whose pieces are small neighbourhoods.
#pragma once
#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "graph/linking.h"

namespace anear {

// The points in an order of which each piece, as `pieces` cuts it, holds points that lie together. A piece is halved by
// how much nearer its points are to one of two of them, drawn by chance, than to the other: a hyperplane for squared L2,
// inner products and Bregman divergences, and a sensible cut under any formula.
std::vector<std::int32_t> halved(const GraphPoints& points, std::int64_t largest, std::uint64_t seed, int threads,
                                 Progress& progress);

// Where the pieces of `count` points of at most `largest` begin, and their end.
std::vector<std::int64_t> pieces(std::int64_t count, std::int64_t largest);

}  // namespace anear
