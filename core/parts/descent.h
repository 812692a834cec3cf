// One query down a hierarchy, nearest cells first.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>

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
  const PointId* order;
  std::int64_t count;  // points, without padding
  // What is asked for at every step.
  std::int64_t lanes = bound.kernels().block;
  int shift = std::countr_zero(static_cast<std::uint64_t>(lanes));  // lanes are 2^shift
  int levels = hierarchy.levels();
};

// How much a query may look at, in leaves; a node above them counts for `node` of these.
struct Budget {
  static constexpr std::int64_t kNode = 2;  // its bound has two corners, and is put in order

  std::int64_t most, node = 0;

  std::int64_t spent(const Visits& visits) const { return visits.leaves + node * visits.nodes; }
  std::int64_t leaves(std::int64_t left, const Visits& visits) const { return most - left - node * visits.nodes; }
};

// Asks for the memory of a block, two lines at a time.
inline void prefetch_lines(const std::byte* block, std::int64_t bytes) {
  constexpr std::int64_t kLine = 64, kMost = 8;
  for (std::int64_t at = 0; at < std::min(bytes, kMost * kLine); at += 2 * kLine) {
    prefetch(block + at);
    prefetch(block + at + kLine);
  }
}

// Asks for the memory of the children that are likely to be visited. Where nearly all are, the limit is yet unknown.
inline void prefetch_children(const Cells& cells, int level, std::int64_t first, std::uint64_t children) {
  constexpr int kMost = 6;
  std::uint64_t more = children;
  for (int i = 0; i < kMost; ++i) more &= more - 1;
  if (more != 0) return;
  const PackedPoints& below = level == 0 ? cells.points : cells.hierarchy.level(level - 1);
  const std::int64_t bytes =
      level == 0 ? cells.filter.kernels().point_block_bytes : cells.bound.kernels().point_block_bytes;
  for (; children != 0; children &= children - 1) {
    prefetch_lines(below.block(first + std::countr_zero(children)), bytes);
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
  const std::int64_t lanes = cells.lanes;
  return std::min(lanes, cells.hierarchy.nodes(level) - node * lanes);
}
inline std::uint64_t children(const Cells& cells, int level, std::int64_t node) {
  return lane_mask(child_count(cells, level, node));
}

// The lanes of a leaf that are no padding.
inline std::uint64_t points_of(const Cells& cells, std::int64_t leaf) {
  const std::int64_t lanes = cells.lanes;
  return lane_mask(std::min(lanes, cells.count - leaf * lanes));
}

// A leaf's, which may lie in two lines.
inline void prefetch_ids(const Cells& cells, std::int64_t leaf) {
  const std::int64_t lanes = cells.lanes;
  prefetch(cells.order + leaf * lanes);
  prefetch(cells.order + (leaf + 1) * lanes - 1);
}

// Asks for a block below `level`; -1: of points.
inline void prefetch_block(const Cells& cells, int level, std::int64_t number) {
  constexpr std::int64_t kCached = 256 << 10;  // bytes that stay in the second-level cache
  const PackedPoints& blocks = level < 0 ? cells.points : cells.hierarchy.level(level);
  if (blocks.bytes() <= kCached) return;
  const Estimate& estimate = level < 0 ? cells.filter : cells.bound;
  prefetch_lines(blocks.block(number), estimate.kernels().point_block_bytes);
}

// Of the lanes `left` that with the smallest bound; one that is NaN says nothing, and may come anywhere.
template <class Real>
int nearest(const Real* bounds, std::uint64_t left) {
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
    const std::int64_t lanes = cells.lanes;
    const int levels = cells.levels;
    whole_ = (cells.hierarchy.nodes(levels - 1) - 1) << (levels - 1) * cells.shift;
    lacking_ = lanes - child_count(cells, levels - 1, 0);
    first_ = first;
    stride_ = (levels + 1) * lanes;
    Real* const values = seen_.ensure(kTogether * stride_);
    PointId* const places = places_.ensure(kTogether);
    std::fill(places, places + count, 0);
    ways_.fill(0);
    for (int level = levels - 1; level >= 0; --level) {
      bound.descend(bound_queries.query(first), count, cells.hierarchy.level(level).block(0),
                    cells.bound.parameters.data(), places, values + (level + 1) * lanes, stride_);
      for (std::int64_t i = 0; i < count; ++i) {
        ways_[i] = (lanes < 64 ? ways_[i] << lanes : 0) | std::uint64_t{1} << (places[i] & (lanes - 1));
        // Near queries, which come one after the other, often go the same way.
        if (i == 0 || places[i] != places[i - 1]) prefetch_block(cells, level - 1, places[i]);
        if (level == 0) prefetch_ids(cells, places[i]);
      }
    }
    filter.descend(queries.query(first), count, cells.points.block(0), cells.filter.parameters.data(), places, values,
                   stride_);
  }

  // Of a query that was started, the i-th of those together: its leaf, the place of the nearest point in it, the values
  // of that leaf's points, the bounds of the children of each node on the way, and the lanes of the way itself, of as
  // many levels as fit.
  std::int64_t leaf_of(const Cells& cells, std::int64_t i) const { return places_[i] >> cells.shift; }
  PointId place_of(std::int64_t i) const { return places_[i]; }
  Real* values_of(std::int64_t i) { return seen_.data() + i * stride_; }
  Real* bounds_of(const Cells& cells, int level, std::int64_t i) { return values_of(i) + (level + 1) * cells.lanes; }
  std::uint64_t way_of(std::int64_t i) const { return ways_[i]; }
  // From one query's values to the next one's.
  std::int64_t stride() const { return stride_; }

  // Whether the nodes on the way to a leaf have all their children, but for the topmost.
  bool whole(std::int64_t leaf) const { return leaf < whole_; }

  // The way to a leaf. Its nodes have all their children but where they are the last of their level.
  Visits way_to(const Cells& cells, std::int64_t leaf) const {
    const std::int64_t lanes = cells.lanes;
    const int shift = cells.shift, levels = cells.levels;
    std::int64_t settled = levels * lanes;
    if (whole(leaf)) {
      settled -= lacking_;
    } else {
      for (int level = levels - 1; level >= 0; --level) {
        settled -= lanes - child_count(cells, level, leaf >> (level + 1) * shift);
      }
    }
    return {levels, 1, settled};
  }

  // Visits as many leaves as `budget` allows, at least one, and every one that may hold an answer if there are fewer of
  // these. Tells where it came to. The query must be one that was started.
  template <class Collector>
  Visits go_on(const Cells& cells, const std::byte* bound_query, const std::byte* query, std::int64_t number,
               const Budget& budget, Collector& collector) {
    enter_tree(bound_query, query, budget);
    const std::int64_t lanes = cells.lanes, leaf = leaf_of(cells, number - first_);
    const int shift = cells.shift, levels = cells.levels;
    const Real* const values = values_of(number - first_);
    visits_ = way_to(cells, leaf);
    left_ -= 1 + budget_.node * levels;
    add(cells, leaf, values, lane_mask(lanes), collector);
    std::uint64_t passing = beside(values, leaf, 0, levels, shift, collector.node_limit());
    for (int level = 0;;) {
      std::uint64_t above = passing;  // the limit only falls: nothing passes later that does not now
      if (passing != 0) {
        const int up = std::countr_zero(passing) >> shift;
        const std::int64_t node = leaf >> (level + up + 1) * shift;
        above = above >> (up << shift) & ~lane_mask(lanes);
        const std::uint64_t left = passing >> (up << shift) & children(cells, level + up, node);
        prefetch_children(cells, level + up, node * lanes, left);
        enter(cells, level + up, node, values + (level + up + 1) * lanes, left, collector);
        if (above != 0) level += up + 1;
      }
      if (above == 0) level += 64 >> shift;
      if (level >= levels) break;
      passing = beside(values, leaf, level, levels, shift, collector.node_limit());
    }
    return end();
  }

  // The same for a query that was not, which may visit none.
  template <class Collector>
  Visits run(const Cells& cells, const std::byte* bound_query, const std::byte* query, const Budget& budget,
             Collector& collector) {
    enter_tree(bound_query, query, budget);
    visit(cells, cells.levels - 1, 0, collector);
    return end();
  }

  // Adds what the limit lets pass of leaves that were looked at.
  template <class Collector>
  void again(const Cells& cells, const std::byte* query, std::span<const PointId> leaves, Collector& collector) {
    query_ = query;
    for (const PointId leaf : leaves) scan(cells, leaf, collector);
  }

 private:
  static constexpr std::int64_t kMostLanes = 64;

  void enter_tree(const std::byte* bound_query, const std::byte* query, const Budget& budget) {
    bound_query_ = bound_query;
    query_ = query;
    budget_ = budget;
    left_ = budget.most;
    visits_ = {};
  }

  Visits end() const {
    Visits all{visits_.nodes, budget_.leaves(left_, visits_), visits_.settled};
    all.entered();
    return all;
  }

  void count(const Cells& cells, int level, std::int64_t node) {
    ++visits_.nodes;
    left_ -= budget_.node;
    visits_.settled += child_count(cells, level, node);
  }

  // passing_lanes in the widest registers there are.
  std::uint64_t passing(const Real* values, std::int64_t lanes, Real limit) const {
    std::uint64_t mask;
    passing_rows_(values, 0, lanes, 1, &limit, &mask);
    return mask;
  }

  // Which children of the nodes on the way to a leaf, from `level` upwards, as many levels as fit one number, may be
  // near enough, but for those on the way. Mostly none is, and that is known at once.
  std::uint64_t beside(const Real* values, std::int64_t leaf, int level, int levels, int shift, Real limit) const {
    const int count = std::min(levels - level, 64 >> shift);
    std::uint64_t way = 0;
    for (int up = count - 1; up >= 0; --up) {
      way = way << (1 << shift) % 64 | std::uint64_t{1} << (leaf >> (level + up) * shift & ((1 << shift) - 1));
    }
    return passing(values + ((level + 1) << shift), std::int64_t{count} << shift, limit) & ~way;
  }

  template <class Collector>
  void visit(const Cells& cells, int level, std::int64_t node, Collector& collector) {
    alignas(kAlignment) Real bounds[kMostLanes];
    count(cells, level, node);
    const std::uint64_t near =
        look(cells.bound, cells.hierarchy.level(level), node, bound_query_, collector.node_limit(), bounds);
    const std::uint64_t left = near & children(cells, level, node);
    prefetch_children(cells, level, node * cells.lanes, left);
    enter(cells, level, node, bounds, left, collector);
  }

  // Enters those of the children `left` whose bounds allow it, the nearest first: what it holds lowers the limit, and
  // most others are never looked at. Where the limit is NaN nothing is excluded, not even what is infinitely far.
  template <class Collector>
  void enter(const Cells& cells, int level, std::int64_t node, const Real* bounds, std::uint64_t left,
             Collector& collector) {
    const std::int64_t lanes = cells.lanes, first = node * lanes;
    while (left != 0 && left_ > 0) {
      const int lane = nearest(bounds, left);
      left ^= std::uint64_t{1} << lane;
      const Real before = collector.node_limit();
      level == 0 ? scan(cells, first + lane, collector) : visit(cells, level - 1, first + lane, collector);
      if (left != 0 && collector.node_limit() != before) left &= passing(bounds, lanes, collector.node_limit());
    }
  }

  template <class Collector>
  void scan(const Cells& cells, std::int64_t leaf, Collector& collector) {
    Real* const values = collector.room();
    prefetch_ids(cells, leaf);
    --left_;
    add(cells, leaf, values, look(cells.filter, cells.points, leaf, query_, collector.limit(), values), collector);
  }

  template <class Collector>
  static void add(const Cells& cells, std::int64_t leaf, const Real* values, std::uint64_t mask, Collector& collector) {
    const std::int64_t first = leaf * cells.lanes;
    mask &= points_of(cells, leaf);
    if (mask != 0) collector.add_lanes(values, mask, cells.order + first);
  }

  const std::byte* bound_query_ = nullptr;
  const std::byte* query_ = nullptr;
  Budget budget_{};
  std::int64_t left_ = 0;  // of the budget
  Visits visits_;
  AlignedArray<Real> seen_;
  AlignedArray<PointId> places_;  // the nearest point in its leaf
  std::int64_t first_ = 0, stride_ = 0;
  // Of the nodes on the way to leaves before `whole_`, all of which have all their children but the topmost: how many
  // that one lacks.
  std::int64_t whole_ = 0, lacking_ = 0;
  std::array<std::uint64_t, kTogether> ways_{};  // the lanes on the way to its leaf, of as many levels as fit
  PassingRows<Real> passing_rows_ = passing_rows<Real>();
};

}  // namespace anear
