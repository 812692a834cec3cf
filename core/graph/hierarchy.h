// The levels above a graph's base.
#pragma once
#include <cstdint>
#include <vector>

#include "graph/grow.h"

namespace anear {

// All points in an order of chance, those without a distance to themselves last: walks that begin at one lead nowhere.
std::vector<std::int32_t> order_of_chance(const GraphPoints& points, std::uint64_t seed, int threads,
                                          Progress& progress);

// How many nodes the levels above a base of `count` have, from the lowest up: each that share of the one below.
std::vector<std::int64_t> level_sizes(std::int64_t count, double share);

// Grows the levels: the first nodes of `order` on each, at most `degree` links a node, level by level from the top; the
// nodes of a level are linked one level down as they were above, and the others come in. The first point of `order`
// is the entry. How many points are above the base.
std::int64_t grow_layers(Graph& graph, const std::vector<std::int32_t>& order, const std::vector<std::int64_t>& sizes,
                         std::int64_t degree, const GraphPoints& points, const Growth& growth, int threads,
                         Progress& progress);

}  // namespace anear
