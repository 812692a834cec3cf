// One query down a hierarchy, to list the points within a radius, in whatever order.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/progress.h"
#include "parts/descent.h"
#include "result/counter.h"

namespace anear {

// Scratch and loop of one thread.
template <class Real>
class ListDescent {
 public:
  // Leaves out the points before place `from` in the order of the cells, and tells where it came to. Calls
  // take(ids, inside, close) for each leaf with the bits of the points that are within the radius whatever the rounding,
  // and of those that may be.
  template <class Take>
  Visits run(const Cells& cells, const std::byte* bound_query, const std::byte* query, const RadiusLimits<Real>& limits,
             std::int64_t from, const Take& take) {
    bound_query_ = bound_query;
    query_ = query;
    limits_ = limits;
    visits_ = {};
    from_ = from;
    const int levels = cells.hierarchy.levels();
    for (int level = 0; level < levels; ++level) before_[level] = from /= cells.lanes;
    visit(cells, levels - 1, 0, take);
    visits_.entered();
    return visits_;
  }

 private:
  static constexpr std::int64_t kMostLanes = 64;
  static constexpr int kMostLevels = 64;

  // The bits of `count` lanes, but for those before place `from`.
  static std::uint64_t lanes_from(std::int64_t from, std::int64_t first, std::int64_t count) {
    std::uint64_t lanes = count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
    if (from > first) lanes = from - first < 64 ? lanes >> (from - first) << (from - first) : 0;
    return lanes;
  }

  template <class Take>
  void visit(const Cells& cells, int level, std::int64_t node, const Take& take) {
    const std::int64_t lanes = cells.lanes, first = node * lanes;
    alignas(kAlignment) Real low[kMostLanes];
    // A bound that is NaN says nothing, and passes.
    std::uint64_t left = look(cells.bound, cells.hierarchy.level(level), node, bound_query_, limits_.nodes, low);
    const std::int64_t children = std::min(lanes, cells.hierarchy.nodes(level) - first);
    ++visits_.nodes;
    visits_.settled += children;
    left &= lanes_from(before_[level], first, children);
    for (; left != 0; left &= left - 1) {
      const std::int64_t child = first + std::countr_zero(left);
      level == 0 ? scan(cells, child, take) : visit(cells, level - 1, child, take);
    }
  }

  template <class Take>
  void scan(const Cells& cells, std::int64_t leaf, const Take& take) {
    const std::int64_t lanes = cells.filter.kernels().block, first = leaf * lanes;
    alignas(kAlignment) Real values[kMostLanes];
    prefetch(cells.order + first);
    const std::uint64_t hits = look(cells.filter, cells.points, leaf, query_, limits_.points, values);
    ++visits_.leaves;
    const std::uint64_t mask = hits & lanes_from(from_, first, std::min(lanes, cells.count - first));
    if (mask == 0) return;
    const std::uint64_t inside = below_lanes(values, lanes, limits_.sure_points) & mask;
    take(cells.order + first, inside, mask & ~inside);
  }

  const std::byte* bound_query_ = nullptr;
  const std::byte* query_ = nullptr;
  RadiusLimits<Real> limits_{};
  std::int64_t from_ = 0;
  std::array<std::int64_t, kMostLevels> before_{};  // the first child of each level that is not left out
  Visits visits_;
};

}  // namespace anear
