#include "parts/hierarchy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"

namespace anear {
namespace {

// Box rows of one level: lowest and largest coordinates, then largest and lowest extras.
template <class Real>
class BoxRows {
 public:
  BoxRows(std::int64_t count, std::int64_t columns, std::int64_t extras)
      : count_(count), columns_(columns), plain_(columns - extras), values_(count * 2 * columns) {}

  Rows rows() const {
    return {reinterpret_cast<const std::byte*>(values_.data()), count_, 2 * columns_,
            sizeof(Real) == 4 ? Storage::float32 : Storage::float64};
  }

  Real low(std::int64_t box, std::int64_t column) const { return values_[low_at(box, column)]; }
  Real high(std::int64_t box, std::int64_t column) const { return values_[high_at(box, column)]; }

  void empty(std::int64_t box) {
    for (std::int64_t j = 0; j < columns_; ++j) {
      values_[low_at(box, j)] = kInfinity;
      values_[high_at(box, j)] = -kInfinity;
    }
  }

  // A coordinate that is NaN could be anything.
  void add(std::int64_t box, const Real* low, const Real* high) {
    Real* const lowest = values_.data() + box * 2 * columns_;
    Real* const largest = lowest + plain_;
    for (std::int64_t j = 0; j < plain_; ++j) {
      lowest[j] = low[j] >= lowest[j] ? lowest[j] : low[j] == low[j] ? low[j] : -kInfinity;
      largest[j] = high[j] <= largest[j] ? largest[j] : high[j] == high[j] ? high[j] : kInfinity;
    }
    for (std::int64_t j = plain_; j < columns_; ++j) {
      extend(box, j, low[j] == low[j] ? low[j] : -kInfinity, high[j] == high[j] ? high[j] : kInfinity);
    }
  }

  void extend(std::int64_t box, std::int64_t column, Real low, Real high) {
    Real& lowest = values_[low_at(box, column)];
    Real& largest = values_[high_at(box, column)];
    lowest = low < lowest ? low : lowest;
    largest = high > largest ? high : largest;
  }

 private:
  static constexpr Real kInfinity = std::numeric_limits<Real>::infinity();

  std::int64_t low_at(std::int64_t box, std::int64_t j) const {
    return box * 2 * columns_ + (j < plain_ ? j : columns_ + j);
  }
  std::int64_t high_at(std::int64_t box, std::int64_t j) const { return box * 2 * columns_ + plain_ + j; }

  std::int64_t count_, columns_, plain_;
  AlignedArray<Real> values_;
};

constexpr std::int64_t kPiece = 4096;  // boxes a task

template <class Real>
BoxRows<Real> leaf_boxes(const Boxes& boxes, const std::vector<std::int32_t>& order, std::int64_t block, int threads,
                         Progress& progress) {
  const auto points = static_cast<std::int64_t>(order.size());
  const std::int64_t count = (points + block - 1) / block;
  BoxRows<Real> rows(count, boxes.low.columns, boxes.extras);
  const auto* low = reinterpret_cast<const Real*>(boxes.low.data);
  const auto* high = reinterpret_cast<const Real*>(boxes.high.data);
  const std::int64_t columns = boxes.low.columns;
  constexpr std::int64_t kAhead = 16;  // points whose rows are on their way: they lie anywhere
  parallel_for((count + kPiece - 1) / kPiece, threads, progress, [&](std::int64_t piece) {
    for (std::int64_t box = piece * kPiece; box < std::min((piece + 1) * kPiece, count); ++box) {
      rows.empty(box);
      for (std::int64_t i = box * block; i < std::min((box + 1) * block, points); ++i) {
        prefetch(low + order[std::min(i + kAhead, points - 1)] * columns);
        rows.add(box, low + order[i] * columns, high + order[i] * columns);
      }
    }
  });
  return rows;
}

template <class Real>
BoxRows<Real> parents(const BoxRows<Real>& children, const Boxes& boxes, std::int64_t block) {
  const std::int64_t below = children.rows().count, columns = boxes.low.columns;
  BoxRows<Real> rows((below + block - 1) / block, columns, boxes.extras);
  for (std::int64_t box = 0; box < rows.rows().count; ++box) {
    rows.empty(box);
    for (std::int64_t child = box * block; child < std::min((box + 1) * block, below); ++child) {
      for (std::int64_t j = 0; j < columns; ++j) rows.extend(box, j, children.low(child, j), children.high(child, j));
    }
  }
  return rows;
}

// The larger of each; NaN stays.
void grow(std::vector<double>& maxima, const std::vector<double>& more) {
  maxima.resize(more.size(), -std::numeric_limits<double>::infinity());
  for (std::size_t j = 0; j < more.size(); ++j) {
    if (maxima[j] == maxima[j] && !(more[j] <= maxima[j])) maxima[j] = more[j];
  }
}

}  // namespace

Hierarchy::Hierarchy(const Boxes& boxes, const std::vector<std::int32_t>& order, int threads, Progress& progress) {
  const std::int64_t block = boxes.bound.kernels().block;
  const auto build = [&]<class Real>(const Real*) {
    auto rows = leaf_boxes<Real>(boxes, order, block, threads, progress);
    for (;;) {
      add(boxes.bound, boxes.upper ? &*boxes.upper : nullptr, rows.rows(), threads, progress);
      if (rows.rows().count <= block) break;
      rows = parents(rows, boxes, block);
    }
  };
  if (boxes.low.storage == Storage::float64) {
    build(static_cast<const double*>(nullptr));
  } else {
    build(static_cast<const float*>(nullptr));
  }
}

Hierarchy::Hierarchy(const Estimate& bound, const std::vector<Rows>& levels, int threads, Progress& progress) {
  for (const Rows& cells : levels) add(bound, nullptr, cells, threads, progress);
}

void Hierarchy::add(const Estimate& bound, const Estimate* upper, const Rows& cells, int threads, Progress& progress) {
  const auto packed = [&](const Estimate& estimate) {
    return PackedPoints(estimate.kernels(), estimate.parameters.data(), cells, threads, progress);
  };
  levels_.push_back({packed(bound), upper ? packed(*upper) : PackedPoints(), cells.count});
  grow(maxima_, levels_.back().boxes.maxima());
  grow(upper_maxima_, levels_.back().upper.maxima());
}

std::int64_t Hierarchy::bytes() const {
  std::int64_t sum = 0;
  for (const Level& level : levels_) sum += level.boxes.bytes() + level.upper.bytes();
  return sum;
}

}  // namespace anear
