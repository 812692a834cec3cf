// The order in which a tree keeps its points.
#pragma once
#include <cstdint>
#include <vector>

#include "base/point_id.h"
#include "base/progress.h"
#include "storage/rows.h"

namespace anear {

// Blocks of the left part of `blocks` >= 2 blocks: about half, a multiple of the largest power of `fanout` that is
// smaller than `blocks`. Cells so cut make compact cells of fanout, fanout^2, ... of them.
std::int64_t left_blocks(std::int64_t blocks, std::int64_t fanout);

// Which coordinate a range of points is cut in: the one in which it extends furthest, or each in its turn.
enum class SplitRule { spread, round_robin };

// Cuts the points in two at the median of one coordinate, the halves again, until `block` points are left, and returns
// their ids in the order that results. Cuts lie at whole blocks, and where they can at multiples of block^2, block^3, ...:
// so block j of the order, and blocks [block*j, block*(j + 1)), and so on, are each one compact cell. Equal coordinates
// are told apart by the id, so the order is the same on any number of threads.
//
// Of more than 32 coordinates the 32 that extend furthest are cut. NaN counts as infinity.
//
// Takes up to `memory` bytes, but those of two ids a point where that is more: points whose coordinates would not fit are
// first cut by ids alone. The order is the same.
constexpr std::int64_t kCutMemory = std::int64_t{2} << 30;
std::vector<PointId> cell_order(const Rows& rows, std::int64_t block, SplitRule rule, int threads, Progress& progress,
                                std::int64_t memory = kCutMemory);

}  // namespace anear
