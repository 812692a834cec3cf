#include "parts/hierarchy.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "base/spares.h"

namespace anear {
namespace {

template <class Real>
constexpr Storage kStorage = sizeof(Real) == 4 ? Storage::float32 : Storage::float64;

// Box rows of one level: lowest and largest coordinates, then largest and lowest extras.
template <class Real>
class BoxRows {
 public:
  BoxRows(std::int64_t count, std::int64_t columns, std::int64_t extras)
      : count_(count), columns_(columns), plain_(columns - extras), values_(count * 2 * columns) {}

  Rows rows() const {
    return {reinterpret_cast<const std::byte*>(values_.data()), count_, 2 * columns_, kStorage<Real>};
  }

  Real low(std::int64_t box, std::int64_t column) const { return values_[low_at(box, column)]; }
  Real high(std::int64_t box, std::int64_t column) const { return values_[high_at(box, column)]; }

  // The box of rows that follow one another: what they are at least and at most. What is NaN could be anything.
  void enclose(std::int64_t box, const Real* low, const Real* high, std::int64_t count) {
    std::int64_t j = 0;
    for (; j + 4 <= columns_; j += 4) enclose_columns<4>(box, j, low, high, count);
    for (; j < columns_; ++j) enclose_columns<1>(box, j, low, high, count);
  }

  void empty(std::int64_t box) {
    for (std::int64_t j = 0; j < columns_; ++j) {
      values_[low_at(box, j)] = kInfinity;
      values_[high_at(box, j)] = -kInfinity;
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

  // Several columns at a time make vectors of them.
  template <int Count>
  void enclose_columns(std::int64_t box, std::int64_t first, const Real* low, const Real* high, std::int64_t count) {
    Real least[Count], most[Count], sums[Count];
    for (int j = 0; j < Count; ++j) least[j] = kInfinity, most[j] = -kInfinity, sums[j] = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      for (int j = 0; j < Count; ++j) {
        const Real l = low[i * columns_ + first + j], h = high[i * columns_ + first + j];
        least[j] = l < least[j] ? l : least[j];
        most[j] = h > most[j] ? h : most[j];
        sums[j] += (l - l) + (h - h);  // NaN where one is NaN, or infinite
      }
    }
    for (int j = 0; j < Count; ++j) {
      if (sums[j] != sums[j]) widen(first + j, low, high, count, least[j], most[j]);
      // Zeros lose their sign: a bound that divides by one would be an infinity of the wrong sign.
      values_[low_at(box, first + j)] = least[j] + Real{0};
      values_[high_at(box, first + j)] = most[j] + Real{0};
    }
  }

  void widen(std::int64_t column, const Real* low, const Real* high, std::int64_t count, Real& least,
             Real& most) const {
    for (std::int64_t i = 0; i < count; ++i) {
      const Real l = low[i * columns_ + column], h = high[i * columns_ + column];
      if (l != l) least = -kInfinity;
      if (h != h) most = kInfinity;
    }
  }

  std::int64_t low_at(std::int64_t box, std::int64_t j) const {
    return box * 2 * columns_ + (j < plain_ ? j : columns_ + j);
  }
  std::int64_t high_at(std::int64_t box, std::int64_t j) const { return box * 2 * columns_ + plain_ + j; }

  std::int64_t count_, columns_, plain_;
  AlignedArray<Real> values_;
};

template <class Real, class Stored>
void widen_row(const Stored* row, std::int64_t columns, Real* out) {
  for (std::int64_t j = 0; j < columns; ++j) out[j] = static_cast<Real>(widened(row[j]));
}

// Rows of `order`, one behind the other.
template <class Real>
const Real* gather(const Rows& rows, const PointId* order, std::int64_t count, AlignedArray<Real>& memory) {
  constexpr std::int64_t kAhead = 16;  // rows on their way: they lie anywhere
  Real* const out = memory.ensure(count * rows.columns);
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    const auto* from = reinterpret_cast<const Stored*>(rows.data);
    for (std::int64_t i = 0; i < count; ++i) {
      prefetch(from + order[std::min(i + kAhead, count - 1)] * rows.columns);
      widen_row(from + order[i] * rows.columns, rows.columns, out + i * rows.columns);
    }
  });
  return out;
}

// Rows that lie one behind the other.
template <class Real>
const Real* widen_rows(const Rows& rows, AlignedArray<Real>& memory) {
  if (rows.storage == kStorage<Real>) return reinterpret_cast<const Real*>(rows.data);
  Real* const out = memory.ensure(rows.count * rows.columns);
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    widen_row(reinterpret_cast<const Stored*>(rows.data), rows.count * rows.columns, out);
  });
  return out;
}

// Packs the points and finds the boxes of their blocks, in one go where boxes are made of the points' own rows: rows
// that lie anywhere take longer to come from memory than all that is done with them.
template <class Real>
BoxRows<Real> pack(const Boxes& boxes, const Rows& rows, const Estimate& search, const std::vector<PointId>& order,
                   int threads, Progress& progress, PackedPoints& points) {
  const std::int64_t block = search.kernels().block;
  BoxRows<Real> found((rows.count + block - 1) / block, boxes.low.columns, boxes.extras);
  const bool own =
                 boxes.low.data == rows.data && boxes.low.columns == rows.columns && boxes.low.storage == rows.storage,
             plain = boxes.high.data == boxes.low.data;
  Spares<std::array<AlignedArray<Real>, 2>> spares;
  points = {search.kernels(),
            search.parameters.data(),
            rows,
            order,
            threads,
            progress,
            [&](std::int64_t first, const Rows& here) {
              auto spare = spares.take();
              const PointId* ids = order.data() + first;
              const Real* low = own ? widen_rows(here, (*spare)[0]) : gather(boxes.low, ids, here.count, (*spare)[0]);
              const Real* high = plain ? low : gather(boxes.high, ids, here.count, (*spare)[1]);
              for (std::int64_t i = 0; i < here.count; i += block) {
                const std::int64_t at = i * boxes.low.columns;
                found.enclose((first + i) / block, low + at, high + at, std::min(block, here.count - i));
              }
              spares.give(std::move(spare));
            }};
  return found;
}

template <class Real>
BoxRows<Real> parents(const BoxRows<Real>& children, const Boxes& boxes, std::int64_t block, int threads,
                      Progress& progress) {
  constexpr std::int64_t kPiece = 512;  // boxes a task
  const std::int64_t below = children.rows().count, columns = boxes.low.columns, count = (below + block - 1) / block;
  BoxRows<Real> rows(count, columns, boxes.extras);
  parallel_for((count + kPiece - 1) / kPiece, threads, progress, [&](std::int64_t piece) {
    for (std::int64_t box = piece * kPiece; box < std::min((piece + 1) * kPiece, count); ++box) {
      rows.empty(box);
      for (std::int64_t child = box * block; child < std::min((box + 1) * block, below); ++child) {
        for (std::int64_t j = 0; j < columns; ++j) rows.extend(box, j, children.low(child, j), children.high(child, j));
      }
    }
  });
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

BoxedPoints::BoxedPoints(const Boxes& boxes, const Rows& rows, const Estimate& search,
                         const std::vector<PointId>& order, int threads, Progress& progress) {
  const std::int64_t block = boxes.bound.kernels().block;
  const auto build = [&]<class Real>(const Real*) {
    auto cells = pack<Real>(boxes, rows, search, order, threads, progress, points);
    for (;;) {
      hierarchy.add(boxes.bound, boxes.upper ? &*boxes.upper : nullptr, cells.rows(), threads, progress);
      if (cells.rows().count <= block) break;
      cells = parents(cells, boxes, block, threads, progress);
    }
  };
  if (boxes.bound.kernels().arithmetic_bytes == 8) {
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
