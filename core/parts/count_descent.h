// One query down a hierarchy, to count: cells wholly within a radius count at once.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/progress.h"
#include "parts/descent.h"
#include "result/counter.h"

namespace anear {

// Scratch and loop of one thread. Each cell is looked at for the radii that neither enclose it nor leave it out; in
// which order is all the same.
template <class Real>
class CountDescent {
 public:
  // Visits as many leaves as `budget` allows and tells where it came to. `upper` computes the cells' upper bounds of the
  // query prepared in `upper_query`; null: there are none.
  Visits run(const Cells& cells, const Estimate* upper, const std::byte* bound_query, const std::byte* upper_query,
             const std::byte* query, const Budget& budget, Counter<Real>& counter) {
    cells_ = &cells;
    upper_ = counter.filtered() ? nullptr : upper;
    bound_query_ = bound_query;
    upper_query_ = upper_query;
    query_ = query;
    counter_ = &counter;
    budget_ = budget;
    left_ = budget.most;
    visits_ = {};
    const int top = cells.hierarchy.levels() - 1;
    std::int64_t size = cells.lanes;
    for (int level = 0; level < top; ++level) size *= cells.lanes;
    visit(top, 0, size, {0, counter.radii()});
    visits_.leaves = budget.leaves(left_, visits_);
    visits_.entered();
    return visits_;
  }

 private:
  static constexpr std::int64_t kMostLanes = 64;

  struct Radii {
    std::int64_t first, last;
  };

  // `size`: points of a child that is full.
  void visit(int level, std::int64_t node, std::int64_t size, Radii radii) {
    ++visits_.nodes;
    left_ -= budget_.node;
    const std::int64_t lanes = cells_->lanes, first = node * lanes;
    alignas(kAlignment) Real low[kMostLanes], high[kMostLanes];
    const Real limit = counter_->limits(radii.last - 1).nodes;  // a bound that is NaN says nothing
    const std::uint64_t all = children(*cells_, level, node);
    visits_.settled += child_count(*cells_, level, node);
    std::uint64_t left = look(cells_->bound, cells_->hierarchy.level(level), node, bound_query_, limit, low) & all;
    if (left == 0) return;
    if (upper_ != nullptr) {
      look(*upper_, cells_->hierarchy.upper(level), node, upper_query_, limit, high);
    } else {
      std::fill(high, high + lanes, std::numeric_limits<Real>::infinity());
    }
    if (radii.last - radii.first == 1) left ^= count_inside(left, high, first, lanes, size, radii.first);
    prefetch_children(*cells_, level, first, left);
    for (; left != 0 && left_ > 0; left &= left - 1) {
      const int lane = std::countr_zero(left);
      const std::int64_t child = first + lane;
      const Radii open = undecided(radii, low[lane], high[lane], child, size);
      if (open.first == open.last) continue;
      level == 0 ? scan(child, open) : visit(level - 1, child, size / lanes, open);
    }
  }

  std::int64_t points(std::int64_t child, std::int64_t size) const {
    return std::min(size, cells_->count - child * size);
  }

  // The children wholly within a radius, which are counted.
  std::uint64_t count_inside(std::uint64_t children, const Real* high, std::int64_t first, std::int64_t lanes,
                             std::int64_t size, std::int64_t radius) {
    const std::uint64_t inside = below_lanes(high, lanes, counter_->limits(radius).sure_nodes) & children;
    if (inside == 0) return 0;
    const std::int64_t missing = size - points(first + std::bit_width(inside) - 1, size);  // only the last is not full
    counter_->add(radius, std::popcount(inside) * size - missing);
    return inside;
  }

  // The radii that a child must be looked at for; it is counted for those that enclose it.
  Radii undecided(Radii radii, Real low, Real high, std::int64_t child, std::int64_t size) {
    while (radii.first < radii.last && low >= counter_->limits(radii.first).nodes) ++radii.first;
    while (radii.first < radii.last && high < counter_->limits(radii.last - 1).sure_nodes) {
      counter_->add(--radii.last, points(child, size));
    }
    return radii;
  }

  void scan(std::int64_t leaf, Radii radii) {
    const std::int64_t lanes = cells_->filter.kernels().block, first = leaf * lanes;
    alignas(kAlignment) Real values[kMostLanes];
    const Real limit = counter_->limits(radii.last - 1).points;
    --left_;
    if (look(cells_->filter, cells_->points, leaf, query_, limit, values) == 0) return;
    std::uint64_t mask = lanes < 64 ? (std::uint64_t{1} << lanes) - 1 : ~std::uint64_t{0};
    if (first + lanes > cells_->count) mask = (std::uint64_t{1} << (cells_->count - first)) - 1;
    counter_->add_lanes(values, lanes, mask, cells_->order + first, radii.first, radii.last);
  }

  const Cells* cells_ = nullptr;
  const Estimate* upper_ = nullptr;
  const std::byte* bound_query_ = nullptr;
  const std::byte* upper_query_ = nullptr;
  const std::byte* query_ = nullptr;
  Counter<Real>* counter_ = nullptr;
  Budget budget_{};
  std::int64_t left_ = 0;  // of the budget
  Visits visits_;
};

}  // namespace anear
