// One query down a hierarchy, to add up a function of the rank that falls as it rises: cells over which it hardly
// changes are taken at once (Gray and Moore, "N-body problems in statistical learning", 2000).
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "parts/descent.h"
#include "storage/prepared.h"

namespace anear {

// The weights of points in the order of the cells, and of each level's cells. Empty: every point counts 1.
struct CellWeights {
  std::vector<double> points;
  std::vector<std::vector<double>> cells;
  double total = 0;
};

// `of_points`: one a point, by its id; null: all are 1.
inline CellWeights cell_weights(const Cells& cells, const double* of_points) {
  CellWeights weights;
  weights.total = static_cast<double>(cells.count);
  if (of_points == nullptr) return weights;
  const std::int64_t lanes = cells.lanes;
  weights.points.resize(cells.count);
  for (std::int64_t i = 0; i < cells.count; ++i) weights.points[i] = of_points[cells.order[i]];
  const std::vector<double>* below = &weights.points;
  for (int level = 0; level < cells.hierarchy.levels(); ++level) {
    std::vector<double> sums(cells.hierarchy.nodes(level));
    for (std::size_t i = 0; i < below->size(); ++i) sums[i / lanes] += (*below)[i];
    below = &weights.cells.emplace_back(std::move(sums));
  }
  weights.total = std::accumulate(below->begin(), below->end(), 0.0);
  return weights;
}

// A query's ranks are what kernels compute plus `offset`, give or take the margin.
struct RankOf {
  double offset;
  Margin margin;

  double low(double value) const { return value + offset - room(value); }
  double high(double value) const { return value + offset + room(value); }

 private:
  double room(double value) const { return margin.slack + 2 * margin.relative * std::abs(value); }
};

// What is summed: `value`, a table of one-column points in float64, at the ranks.
struct Summed {
  const KernelTable& value;
  const double* parameters;
  const std::byte* query;  // of `value`
  const CellWeights& weights;
  double atol, rtol;  // the sum may be off by atol + rtol * sum
  RankOf points, lower, upper;
};

// Scratch and loop of one thread; for tables that compute in float64.
class SumDescent {
 public:
  static constexpr std::int64_t kMostLanes = 64;

  double run(const Cells& cells, const Estimate* upper, const std::byte* bound_query, const std::byte* upper_query,
             const std::byte* query, const Summed& summed) {
    cells_ = &cells;
    upper_ = upper;
    bound_query_ = bound_query;
    upper_query_ = upper_query;
    query_ = query;
    summed_ = &summed;
    lanes_ = cells.lanes;
    step_ = block_step(summed.value);
    ranks_.ensure((kTogether + step_) * lanes_);
    values_.ensure((kTogether + step_) * lanes_);
    prepared_.ensure((kTogether + step_) * summed.value.point_block_bytes);
    sum_ = certain_ = 0;
    waiting_ = 0;
    visits_ = {};
    const int top = cells.hierarchy.levels() - 1;
    std::int64_t size = lanes_;
    for (int level = 0; level < top; ++level) size *= lanes_;
    visit(top, 0, size);
    flush();
    visits_.entered();
    return sum_;
  }

  // Where the last run came to.
  const Visits& visits() const { return visits_; }

 private:
  static constexpr std::int64_t kTogether = 16;  // leaves whose values are computed at a time

  // `size`: points of a child that is full.
  void visit(int level, std::int64_t node, std::int64_t size) {
    ++visits_.nodes;
    const std::int64_t first = node * lanes_;
    const auto children = static_cast<int>(std::min(lanes_, cells_->hierarchy.nodes(level) - first));
    visits_.settled += children;
    std::array<double, kMostLanes> most, least;
    extremes(level, node, most.data(), least.data());
    std::array<std::int8_t, kMostLanes> near;
    int count = 0;
    const double allowed = (summed_->atol + summed_->rtol * certain_) / summed_->weights.total;
    for (int lane = 0; lane < children; ++lane) {
      if (most[lane] <= 0) continue;
      if (most[lane] - least[lane] <= 2 * allowed) {
        const double weight = weight_of(level, first + lane, size);
        certain_ += weight * least[lane];
        sum_ += weight * (most[lane] + least[lane]) / 2;
        continue;
      }
      int place = count++;  // the largest values first: the more is certain, the more may be left out
      for (; place > 0 && most[near[place - 1]] < most[lane]; --place) near[place] = near[place - 1];
      near[place] = static_cast<std::int8_t>(lane);
    }
    for (int i = 0; i < count; ++i) {
      if (level == 0) {
        scan(first + near[i]);
      } else {
        visit(level - 1, first + near[i], size / lanes_);
      }
    }
  }

  // What the function is at most and at least over each child; where that is not known NaN and 0.
  void extremes(int level, std::int64_t node, double* most, double* least) {
    alignas(kAlignment) std::array<double, kMostLanes> low, high;
    bounds(cells_->bound, bound_query_, cells_->hierarchy.level(level), node, low.data());
    if (waiting_ + 2 > kTogether) flush();
    double* const ranks = ranks_.data() + waiting_ * lanes_;
    for (std::int64_t i = 0; i < lanes_; ++i) ranks[i] = summed_->lower.low(low[i]);
    if (upper_ != nullptr) {
      bounds(*upper_, upper_query_, cells_->hierarchy.upper(level), node, high.data());
      for (std::int64_t i = 0; i < lanes_; ++i) ranks[lanes_ + i] = summed_->upper.high(high[i]);
    }
    compute(waiting_, upper_ == nullptr ? 1 : 2);
    const double* const values = values_.data() + waiting_ * lanes_;
    std::copy_n(values, lanes_, most);
    for (std::int64_t i = 0; i < lanes_; ++i) least[i] = upper_ && values[lanes_ + i] > 0 ? values[lanes_ + i] : 0;
  }

  static void bounds(const Estimate& estimate, const std::byte* query, const PackedPoints& boxes, std::int64_t node,
                     double* out) {
    look(estimate, boxes, node, query, std::numeric_limits<double>::quiet_NaN(), out);
  }

  // The function at the ranks of `count` blocks.
  void compute(std::int64_t first, std::int64_t count) {
    const std::int64_t padded = (count + step_ - 1) / step_ * step_;
    double* const ranks = ranks_.data() + first * lanes_;
    std::fill(ranks + count * lanes_, ranks + padded * lanes_, 0.0);
    summed_->value.prepare_points(ranks, padded, summed_->parameters, prepared_.data(), nullptr);
    summed_->value.store_one(summed_->query, prepared_.data(), padded, summed_->parameters,
                             values_.data() + first * lanes_, padded * lanes_, nullptr);
  }

  double weight_of(int level, std::int64_t child, std::int64_t size) const {
    if (!summed_->weights.cells.empty()) return summed_->weights.cells[level][child];
    return static_cast<double>(std::min(size, cells_->count - child * size));
  }

  void scan(std::int64_t leaf) {
    double* const ranks = ranks_.data() + waiting_ * lanes_;
    look(cells_->filter, cells_->points, leaf, query_, std::numeric_limits<double>::quiet_NaN(), ranks);
    for (std::int64_t i = 0; i < lanes_; ++i) ranks[i] += summed_->points.offset;
    ++visits_.leaves;
    waiting_leaves_[waiting_++] = leaf;
    if (waiting_ == kTogether) flush();
  }

  void flush() {
    if (waiting_ == 0) return;
    compute(0, waiting_);
    double sum = 0;
    for (std::int64_t i = 0; i < waiting_; ++i) {
      const std::int64_t first = waiting_leaves_[i] * lanes_, count = std::min(lanes_, cells_->count - first);
      const double* const values = values_.data() + i * lanes_;
      if (summed_->weights.points.empty()) {
        for (std::int64_t lane = 0; lane < count; ++lane) sum += values[lane];
      } else {
        for (std::int64_t lane = 0; lane < count; ++lane) sum += values[lane] * summed_->weights.points[first + lane];
      }
    }
    sum_ += sum;
    certain_ += sum;
    waiting_ = 0;
  }

  const Cells* cells_ = nullptr;
  const Estimate* upper_ = nullptr;
  const std::byte* bound_query_ = nullptr;
  const std::byte* upper_query_ = nullptr;
  const std::byte* query_ = nullptr;
  const Summed* summed_ = nullptr;
  std::int64_t lanes_ = 0, step_ = 1, waiting_ = 0;
  Visits visits_;
  double sum_ = 0, certain_ = 0;  // what was found, and what it is at least
  std::array<std::int64_t, kTogether> waiting_leaves_{};
  AlignedArray<double> ranks_, values_;
  AlignedArray<std::byte> prepared_;
};

}  // namespace anear
