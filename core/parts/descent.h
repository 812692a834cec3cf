// One query down a hierarchy, nearest cells first.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "parts/hierarchy.h"
#include "result/lanes.h"

namespace anear {

// What a descent goes through. `order[i]` is the id of point i of the packed points.
struct Cells {
  const Hierarchy& hierarchy;
  const Estimate& bound;
  const PackedPoints& points;
  const Estimate& filter;
  const std::int32_t* order;
  std::int64_t count;  // points, without padding
};

// Asks for the memory of the children that are likely to be visited. Where nearly all are, the limit is yet unknown.
inline void prefetch_children(const Cells& cells, int level, std::int64_t first, std::uint64_t children) {
  constexpr int kMost = 6;
  constexpr std::int64_t kLine = 64;
  if (std::popcount(children) > kMost) return;
  const PackedPoints& below = level == 0 ? cells.points : cells.hierarchy.level(level - 1);
  const std::int64_t bytes =
      level == 0 ? cells.filter.kernels().point_block_bytes : cells.bound.kernels().point_block_bytes;
  for (; children != 0; children &= children - 1) {
    const std::byte* block = below.block(first + std::countr_zero(children));
    for (std::int64_t at = 0; at < std::min(bytes, 8 * kLine); at += kLine) prefetch(block + at);
  }
}

// Scratch and loop of one thread. `Collector` is any class with limit(), node_limit() and add_lanes(values, mask, ids).
template <class Real>
class Descent {
 public:
  static constexpr std::int64_t kMostLanes = 64;
  static constexpr Real kInfinity = std::numeric_limits<Real>::infinity();

  // Visits at most `most_leaves` leaves, and every one that may hold an answer if there are fewer of these. Tells where
  // it came to.
  template <class Collector>
  Visits run(const Cells& cells, const std::byte* bound_query, const std::byte* query, std::int64_t most_leaves,
             Collector& collector) {
    bound_query_ = bound_query;
    query_ = query;
    leaves_left_ = most_leaves;
    visits_ = {};
    visit(cells, cells.hierarchy.levels() - 1, 0, collector);
    visits_.leaves = most_leaves - leaves_left_;
    visits_.entered();
    return visits_;
  }

 private:
  template <class Collector>
  void visit(const Cells& cells, int level, std::int64_t node, Collector& collector) {
    ++visits_.nodes;
    const KernelTable& table = cells.bound.kernels();
    const std::int64_t lanes = table.block, first = node * lanes;
    alignas(kAlignment) Real bounds[kMostLanes];
    table.store_one(bound_query_, cells.hierarchy.level(level).block(node), 1, cells.bound.parameters.data(), bounds,
                    lanes, nullptr);
    const std::int64_t children = std::min(lanes, cells.hierarchy.nodes(level) - first);
    visits_.settled += children;
    std::uint64_t left = children < 64 ? (std::uint64_t{1} << children) - 1 : ~std::uint64_t{0};
    std::fill(bounds + children, bounds + lanes, kInfinity);
    // A bound that is NaN says nothing.
    for (std::uint64_t mask = passing_lanes(bounds, lanes, -kInfinity); mask != 0; mask &= mask - 1) {
      bounds[std::countr_zero(mask)] = -kInfinity;
    }
    // The nearest child first: what it holds lowers the limit, and most others are never looked at. Where the limit is
    // NaN nothing is excluded, not even what is infinitely far.
    prefetch_children(cells, level, first, passing_lanes(bounds, lanes, collector.node_limit()) & left);
    while (leaves_left_ > 0) {
      const Real least = smallest_lane(bounds, lanes);
      if (least >= collector.node_limit()) return;
      if (!(least < kInfinity)) break;
      const std::int64_t lane = first_lane(bounds, least);
      bounds[lane] = kInfinity;
      left &= ~(std::uint64_t{1} << lane);
      enter(cells, level, first + lane, collector);
    }
    for (; left != 0 && leaves_left_ > 0; left &= left - 1) {
      enter(cells, level, first + std::countr_zero(left), collector);
    }
  }

  template <class Collector>
  void enter(const Cells& cells, int level, std::int64_t child, Collector& collector) {
    level == 0 ? scan(cells, child, collector) : visit(cells, level - 1, child, collector);
  }

  template <class Collector>
  void scan(const Cells& cells, std::int64_t leaf, Collector& collector) {
    const KernelTable& table = cells.filter.kernels();
    const std::int64_t lanes = table.block, first = leaf * lanes;
    alignas(kAlignment) Real values[kMostLanes];
    prefetch(cells.order + first);
    const Real limit = collector.limit();
    std::int32_t block = 0, hits = 0;
    table.select_one(query_, cells.points.block(leaf), 1, leaf, cells.filter.parameters.data(), &limit, values, &block,
                     &hits, 1);
    --leaves_left_;
    if (hits == 0) return;
    std::uint64_t mask = passing_lanes(values, lanes, limit);
    if (first + lanes > cells.count) mask &= (std::uint64_t{1} << (cells.count - first)) - 1;
    if (mask != 0) collector.add_lanes(values, mask, cells.order + first);
  }

  const std::byte* bound_query_ = nullptr;
  const std::byte* query_ = nullptr;
  std::int64_t leaves_left_ = 0;
  Visits visits_;
};

}  // namespace anear
