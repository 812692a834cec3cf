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

// The values of one block, and which of them are NOT >= limit: all where it is NaN.
template <class Real>
std::uint64_t look(const Estimate& estimate, const PackedPoints& blocks, std::int64_t block, const std::byte* query,
                   Real limit, Real* out) {
  const auto mask = estimate.kernels().look(query, blocks.block(block), estimate.parameters.data(), &limit, out);
  return static_cast<std::uint64_t>(mask);
}

inline std::uint64_t lane_mask(std::int64_t lanes) {
  return lanes < 64 ? (std::uint64_t{1} << lanes) - 1 : ~std::uint64_t{0};
}

// The lanes of a node that are no padding.
inline std::int64_t child_count(const Cells& cells, int level, std::int64_t node) {
  const std::int64_t lanes = cells.bound.kernels().block;
  return std::min(lanes, cells.hierarchy.nodes(level) - node * lanes);
}
inline std::uint64_t children(const Cells& cells, int level, std::int64_t node) {
  return lane_mask(child_count(cells, level, node));
}

// Scratch and loop of one thread. `Collector` is any class with limit(), node_limit() and add_lanes(values, mask, ids).
template <class Real>
class Descent {
 public:
  static constexpr std::int64_t kTogether = 32;  // queries that go down side by side

  // Takes queries [first, first + count), at most kTogether, down to the leaf that looks nearest from each node on the
  // way, all of them a level at a time: none waits for another's memory.
  void start(const Cells& cells, const PreparedQueries& bound_queries, const PreparedQueries& queries,
             std::int64_t first, std::int64_t count) {
    const KernelTable &bound = cells.bound.kernels(), &filter = cells.filter.kernels();
    const std::int64_t lanes = bound.block;
    const int levels = cells.hierarchy.levels();
    first_ = first;
    stride_ = (levels + 1) * lanes;
    Real* const values = seen_.ensure(kTogether * stride_);
    std::int32_t* const places = places_.ensure(kTogether);
    std::fill(places, places + count, 0);
    for (int level = levels - 1; level >= 0; --level) {
      bound.descend(bound_queries.query(first), count, cells.hierarchy.level(level).block(0),
                    cells.bound.parameters.data(), places, values + (level + 1) * lanes, stride_);
      for (std::int64_t i = 0; i < count; ++i) prefetch_block(cells, level - 1, places[i]);
    }
    filter.descend(queries.query(first), count, cells.points.block(0), cells.filter.parameters.data(), places, values,
                   stride_);
  }

  // Visits at most `most_leaves` leaves, at least one, and every one that may hold an answer if there are fewer of
  // these. Tells where it came to. The query must be one that was started.
  template <class Collector>
  Visits go_on(const Cells& cells, const std::byte* bound_query, const std::byte* query, std::int64_t number,
               std::int64_t most_leaves, Collector& collector) {
    begin(bound_query, query, most_leaves);
    const std::int64_t lanes = cells.bound.kernels().block;
    const int shift = std::countr_zero(static_cast<std::uint64_t>(lanes)), levels = cells.hierarchy.levels();
    Real* const values = seen_.data() + (number - first_) * stride_;
    const std::int64_t leaf = places_[number - first_] >> shift;
    for (int level = 0; level < levels; ++level) count(cells, level, leaf >> (level + 1) * shift);
    --leaves_left_;
    add(cells, leaf, values, lane_mask(lanes), collector);
    for (int level = 0; level < levels;) {
      const std::uint64_t passing = beside(values, leaf, level, levels, shift, collector.node_limit());
      if (passing == 0) {
        level += 64 >> shift;
        continue;
      }
      level += std::countr_zero(passing) >> shift;
      const std::int64_t lane = leaf >> level * shift & (lanes - 1), node = leaf >> (level + 1) * shift;
      const std::uint64_t others = children(cells, level, node) & ~(std::uint64_t{1} << lane);
      enter(cells, level, node, values + (level + 1) * lanes, others, collector);
      ++level;
    }
    return end(most_leaves);
  }

  // The same for a query that was not, which may visit none.
  template <class Collector>
  Visits run(const Cells& cells, const std::byte* bound_query, const std::byte* query, std::int64_t most_leaves,
             Collector& collector) {
    begin(bound_query, query, most_leaves);
    visit(cells, cells.hierarchy.levels() - 1, 0, collector);
    return end(most_leaves);
  }

 private:
  static constexpr std::int64_t kMostLanes = 64;

  void begin(const std::byte* bound_query, const std::byte* query, std::int64_t most_leaves) {
    bound_query_ = bound_query;
    query_ = query;
    leaves_left_ = most_leaves;
    visits_ = {};
  }

  Visits end(std::int64_t most_leaves) {
    visits_.leaves = most_leaves - leaves_left_;
    visits_.entered();
    return visits_;
  }

  void count(const Cells& cells, int level, std::int64_t node) {
    ++visits_.nodes;
    visits_.settled += child_count(cells, level, node);
  }

  // Which children of the nodes on the way to a leaf, from `level` upwards, as many levels as fit one number, may be
  // near enough, but for those on the way. Mostly none is, and that is known at once.
  static std::uint64_t beside(const Real* values, std::int64_t leaf, int level, int levels, int shift, Real limit) {
    const int count = std::min(levels - level, 64 >> shift);
    std::uint64_t way = 0;
    for (int up = count - 1; up >= 0; --up) {
      way = way << (1 << shift) % 64 | std::uint64_t{1} << (leaf >> (level + up) * shift & ((1 << shift) - 1));
    }
    return passing_lanes(values + ((level + 1) << shift), std::int64_t{count} << shift, limit) & ~way;
  }

  template <class Collector>
  void visit(const Cells& cells, int level, std::int64_t node, Collector& collector) {
    alignas(kAlignment) Real bounds[kMostLanes];
    count(cells, level, node);
    const std::uint64_t near =
        look(cells.bound, cells.hierarchy.level(level), node, bound_query_, collector.node_limit(), bounds);
    enter(cells, level, node, bounds, near & children(cells, level, node), collector);
  }

  // Enters those of the children `left` whose bounds allow it, the nearest first: what it holds lowers the limit, and
  // most others are never looked at. Where the limit is NaN nothing is excluded, not even what is infinitely far.
  template <class Collector>
  void enter(const Cells& cells, int level, std::int64_t node, const Real* bounds, std::uint64_t left,
             Collector& collector) {
    const std::int64_t lanes = cells.bound.kernels().block, first = node * lanes;
    left &= passing_lanes(bounds, lanes, collector.node_limit());
    prefetch_children(cells, level, first, left);
    while (left != 0 && leaves_left_ > 0) {
      const int lane = nearest(bounds, left);
      left ^= std::uint64_t{1} << lane;
      level == 0 ? scan(cells, first + lane, collector) : visit(cells, level - 1, first + lane, collector);
      if (left != 0) left &= passing_lanes(bounds, lanes, collector.node_limit());
    }
  }

  // Of the lanes `left` that with the smallest bound; one that is NaN says nothing, and may come anywhere.
  static int nearest(const Real* bounds, std::uint64_t left) {
    int nearest = std::countr_zero(left);
    Real least = bounds[nearest];
    while ((left &= left - 1) != 0) {
      const int lane = std::countr_zero(left);
      const bool nearer = bounds[lane] < least;
      least = nearer ? bounds[lane] : least;
      nearest = nearer ? lane : nearest;
    }
    return nearest;
  }

  template <class Collector>
  void scan(const Cells& cells, std::int64_t leaf, Collector& collector) {
    alignas(kAlignment) Real values[kMostLanes];
    prefetch(cells.order + leaf * cells.filter.kernels().block);
    --leaves_left_;
    add(cells, leaf, values, look(cells.filter, cells.points, leaf, query_, collector.limit(), values), collector);
  }

  template <class Collector>
  static void add(const Cells& cells, std::int64_t leaf, const Real* values, std::uint64_t mask, Collector& collector) {
    const std::int64_t lanes = cells.filter.kernels().block, first = leaf * lanes;
    if (first + lanes > cells.count) mask &= (std::uint64_t{1} << (cells.count - first)) - 1;
    if (mask != 0) collector.add_lanes(values, mask, cells.order + first);
  }

  // Asks for a block below `level`; -1: of points.
  static void prefetch_block(const Cells& cells, int level, std::int64_t number) {
    constexpr int kCached = 2;  // levels from this one up stay in the cache
    if (level >= kCached) return;
    constexpr std::int64_t kLine = 64;
    const std::byte* block = level < 0 ? cells.points.block(number) : cells.hierarchy.level(level).block(number);
    const std::int64_t bytes =
        level < 0 ? cells.filter.kernels().point_block_bytes : cells.bound.kernels().point_block_bytes;
    for (std::int64_t at = 0; at < std::min(bytes, 8 * kLine); at += kLine) prefetch(block + at);
    if (level < 0) prefetch(cells.order + number * cells.filter.kernels().block);
  }

  const std::byte* bound_query_ = nullptr;
  const std::byte* query_ = nullptr;
  std::int64_t leaves_left_ = 0;
  Visits visits_;
  AlignedArray<Real> seen_;  // for each query that was started: the values of its leaf, the bounds of each level's node
  AlignedArray<std::int32_t> places_;  // the nearest point in its leaf
  std::int64_t first_ = 0, stride_ = 0;
};

}  // namespace anear
