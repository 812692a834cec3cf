// ball_tree: exact search in cells, each enclosed by a ball, of which nothing need be known but distances.
//
// A range of points is cut between two of them that lie far apart: the half that is nearer to the one goes left, the
// rest right. The left half keeps its far point for the next cut, and with it the distances already known; so each cut
// costs one distance a point. What results has the shape of every tree here: see parts/hierarchy.h.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "index/method.h"
#include "parts/hierarchy.h"
#include "parts/partition.h"
#include "parts/stored_order.h"
#include "parts/tree_search.h"
#include "result/select.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskPoints = 4 << 10;  // fewer are not worth a task of their own
constexpr std::int64_t kTogether = 4 << 10;    // points of a range whose rows are copied next to each other
constexpr std::int64_t kPiece = 1 << 10;       // distances computed at a time
constexpr std::int64_t kSample = 32;           // points of a ball that say how good a centre is
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Rows by number, perhaps copied next to each other: memory is then read in order.
class Together {
 public:
  Rows copy(const Rows& rows, const PointId* ids, std::int64_t count) {
    const std::int64_t bytes = rows.row_bytes();
    std::byte* out = memory_.ensure(count * bytes);
    for (std::int64_t i = 0; i < count; ++i) std::copy_n(rows.row(ids[i]), bytes, out + i * bytes);
    return {out, count, rows.columns, rows.storage};
  }

 private:
  AlignedArray<std::byte> memory_;
};

// Distances from one object to rows. One a thread.
class Ruler {
 public:
  Ruler(const Balls& balls) : table_(balls.reach->kernels()), parameters_(balls.reach_parameters.data()) {}

  void from(const Rows& row) { query_.prepare(table_, parameters_, row, 0, 1, 1); }
  void measure(const Rows& rows, const PointId* places, std::int64_t count, double* out) const {
    table_.gather(query_.query(0), rows.data, rows.row_bytes(), places, count, parameters_, out);
  }

 private:
  const KernelTable& table_;
  const double* parameters_;
  PreparedQueries query_;
};

Rows one_row(const Rows& rows, std::int64_t i) { return {rows.row(i), 1, rows.columns, rows.storage}; }

// Cuts the points into cells.
class Cutter {
 public:
  Cutter(const Rows& rows, const Balls& balls, std::int64_t block)
      : rows_(rows), balls_(balls), block_(block), items_(rows.count), order_(rows.count) {}

  std::vector<PointId> run(int threads, Progress& progress) {
    progress.start(rows_.count);
    for (std::int64_t i = 0; i < rows_.count; ++i) items_[i] = {0, 0, static_cast<Id>(i), static_cast<Id>(i)};
    measure_all(0, threads, progress);
    measure_all(items_[farthest({0, rows_.count})].place, threads, progress);
    fork_join(threads, progress, [&](Tasks& tasks) { divide(tasks, progress, {0, rows_.count}); });
    return std::move(order_);
  }

 private:
  using Id = PointId;

  // `near`: the distance to the far point that the range has, `other`: to the one it is given for the next cut;
  // `place`: where the row lies.
  struct Item {
    double near, other;
    PointId place;
    Id id;
    // What has no distance, or none that can be compared, goes to the right, together.
    double key() const {
      const double difference = near - other;
      return difference == difference ? difference : kInfinity;
    }
  };
  struct Left {
    bool operator()(const Item& a, const Item& b) const {
      const double u = a.key(), v = b.key();
      return (u < v) | ((u == v) & (a.id < b.id));
    }
  };
  struct Range {
    std::int64_t first, last;
    std::int64_t size() const { return last - first; }
  };

  // The distances from one row to all, as the first far point.
  void measure_all(std::int64_t row, int threads, Progress& progress) {
    parallel_for((rows_.count + kTaskPoints - 1) / kTaskPoints, threads, progress, [&](std::int64_t task) {
      Ruler ruler(balls_);
      ruler.from(one_row(rows_, row));
      measure(ruler, rows_, {task * kTaskPoints, std::min((task + 1) * kTaskPoints, rows_.count)}, &Item::near);
      progress.count({0, kTaskPoints});
    });
  }

  void measure(const Ruler& ruler, const Rows& rows, Range range, double Item::* to) {
    std::array<PointId, kPiece> places;
    std::array<double, kPiece> found;
    for (std::int64_t first = range.first; first < range.last; first += kPiece) {
      const std::int64_t count = std::min(kPiece, range.last - first);
      for (std::int64_t i = 0; i < count; ++i) places[i] = items_[first + i].place;
      ruler.measure(rows, places.data(), count, found.data());
      for (std::int64_t i = 0; i < count; ++i) items_[first + i].*to = found[i];
    }
  }

  std::int64_t farthest(Range range) const {
    std::int64_t best = range.first;
    double most = -1;
    for (std::int64_t i = range.first; i < range.last; ++i) {
      const double near = items_[i].near;
      if (near < kInfinity && near > most) best = i, most = near;
    }
    return best;
  }

  void divide(Tasks& tasks, Progress& progress, Range range) {
    Ruler ruler(balls_);
    if (range.size() <= kTogether) {
      Together together;
      std::vector<PointId> places(range.size());
      for (std::int64_t i = 0; i < range.size(); ++i) {
        places[i] = items_[range.first + i].place;
        items_[range.first + i].place = static_cast<PointId>(i);
      }
      const Rows here = together.copy(rows_, places.data(), range.size());
      finish(ruler, progress, here, range);
      progress.advance(range.size());
      return;
    }
    const std::int64_t middle = cut(ruler, progress, rows_, range);
    for (const Range part : {Range{range.first, middle}, Range{middle, range.last}}) {
      tasks.spawn([this, &progress, part](Tasks& more) { divide(more, progress, part); });
    }
  }

  void finish(Ruler& ruler, Progress& progress, const Rows& rows, Range range) {
    while (range.size() > block_) {
      const std::int64_t middle = cut(ruler, progress, rows, range);
      finish(ruler, progress, rows, {range.first, middle});
      range.first = middle;
    }
    for (std::int64_t i = range.first; i < range.last; ++i) order_[i] = items_[i].id;
  }

  // Where the right part begins.
  std::int64_t cut(Ruler& ruler, Progress& progress, const Rows& rows, Range range) {
    ruler.from(one_row(rows, items_[farthest(range)].place));
    measure(ruler, rows, range, &Item::other);
    progress.count({0, range.size()});
    const std::int64_t left = left_blocks((range.size() + block_ - 1) / block_, block_) * block_;
    select_smallest(&items_[range.first], range.size(), left, Left{});
    for (std::int64_t i = range.first + left; i < range.last; ++i) items_[i].near = items_[i].other;
    return range.first + left;
  }

  const Rows& rows_;
  const Balls& balls_;
  const std::int64_t block_;
  AlignedArray<Item> items_;
  std::vector<Id> order_;
};

// The balls of one level: a row each, the centre and the radius.
template <class Real>
class BallRows {
 public:
  BallRows(std::int64_t count, std::int64_t columns)
      : count_(count), columns_(columns), values_(count * (columns + 1)) {}

  Real* centre(std::int64_t ball) { return values_.data() + ball * (columns_ + 1); }
  Real& radius(std::int64_t ball) { return centre(ball)[columns_]; }
  Rows rows() const {
    return {reinterpret_cast<const std::byte*>(values_.data()), count_, columns_ + 1,
            sizeof(Real) == 4 ? Storage::float32 : Storage::float64};
  }

 private:
  std::int64_t count_, columns_;
  AlignedArray<Real> values_;
};

// Finds a ball around points. One a thread.
template <class Real>
class Encloser {
 public:
  Encloser(const Rows& rows, const Balls& balls) : rows_(rows), balls_(balls), ruler_(balls) {}

  // The points' ids; writes columns + 1 numbers.
  void enclose(const PointId* ids, std::int64_t count, Real* out) {
    const Rows together = count <= kTogether ? copied(ids, count) : rows_;
    const PointId* places = count <= kTogether ? places_.data() : ids;
    const std::int64_t samples = std::min(count, kSample);
    sample_.clear();
    for (std::int64_t i = 0; i < samples; ++i) sample_.push_back(places[i * count / samples]);
    best_ = kInfinity;
    const std::int64_t tried = balls_.means ? 1 : kPointsTried;
    for (std::int64_t i = 0; i < std::min(tried, samples); ++i) {
      with_storage_type(rows_.storage,
                        [&](auto* type) { widen_row(type, together.row(sample_[i * samples / tried])); });
      keep_if_better(together, out);
    }
    if (balls_.means) {
      with_storage_type(rows_.storage, [&](auto* type) { mean(type, together, places, count); });
      keep_if_better(together, out);
    }
    ruler_.from({reinterpret_cast<const std::byte*>(out), 1, rows_.columns, kStorage});
    const double radius = samples == count && best_ < kInfinity ? best_ : farthest(together, places, count);
    // what the distance itself was rounded by, and what the cast takes away
    const auto rounded = static_cast<Real>(radius * (1 + 0x1p-40) + std::numeric_limits<Real>::min());
    out[rows_.columns] = std::nextafter(rounded, std::numeric_limits<Real>::infinity());
  }

  // Distances computed since the last call.
  std::int64_t computed() { return std::exchange(computed_, 0); }

 private:
  static constexpr Storage kStorage = sizeof(Real) == 4 ? Storage::float32 : Storage::float64;
  static constexpr std::int64_t kPointsTried = 5;

  Rows copied(const PointId* ids, std::int64_t count) {
    while (static_cast<std::int64_t>(places_.size()) < count) places_.push_back(static_cast<PointId>(places_.size()));
    return together_.copy(rows_, ids, count);
  }

  template <class Stored>
  void widen_row(const Stored*, const std::byte* row) {
    centre_.resize(rows_.columns);
    for (std::int64_t j = 0; j < rows_.columns; ++j) {
      centre_[j] = static_cast<Real>(widened(reinterpret_cast<const Stored*>(row)[j]));
    }
  }

  template <class Stored>
  void mean(const Stored*, const Rows& rows, const PointId* places, std::int64_t count) {
    sums_.assign(rows_.columns, 0.0);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* row = reinterpret_cast<const Stored*>(rows.row(places[i]));
      for (std::int64_t j = 0; j < rows_.columns; ++j) sums_[j] += widened(row[j]);
    }
    for (std::int64_t j = 0; j < rows_.columns; ++j) {
      centre_[j] = static_cast<Real>(sums_[j] / static_cast<double>(count));
    }
  }

  void keep_if_better(const Rows& rows, Real* out) {
    ruler_.from({reinterpret_cast<const std::byte*>(centre_.data()), 1, rows_.columns, kStorage});
    const double radius = farthest(rows, sample_.data(), static_cast<std::int64_t>(sample_.size()));
    if (best_ < kInfinity && radius >= best_) return;
    best_ = radius;
    std::copy(centre_.begin(), centre_.end(), out);
  }

  // Infinite where a distance is not a number.
  double farthest(const Rows& rows, const PointId* places, std::int64_t count) {
    std::array<double, kPiece> found;
    double most = 0;
    computed_ += count;
    for (std::int64_t first = 0; first < count; first += kPiece) {
      const std::int64_t now = std::min(kPiece, count - first);
      ruler_.measure(rows, places + first, now, found.data());
      for (std::int64_t i = 0; i < now; ++i)
        most = found[i] <= most ? most : found[i] == found[i] ? found[i] : kInfinity;
    }
    return most;
  }

  const Rows& rows_;
  const Balls& balls_;
  Ruler ruler_;
  Together together_;
  double best_ = kInfinity;
  std::int64_t computed_ = 0;
  std::vector<PointId> places_, sample_;
  std::vector<Real> centre_;
  std::vector<double> sums_;
};

template <class Real>
Hierarchy enclosed(const Rows& rows, const Balls& balls, const std::vector<PointId>& order, int threads,
                   Progress& progress) {
  const std::int64_t block = balls.bound.kernels().block;
  std::vector<BallRows<Real>> levels;
  std::vector<Rows> views;
  for (std::int64_t size = block;; size *= block) {
    const std::int64_t count = (rows.count + size - 1) / size;
    auto& level = levels.emplace_back(count, rows.columns);
    const std::int64_t each = std::max<std::int64_t>(kTogether / size, 1);
    parallel_for((count + each - 1) / each, threads, progress, [&](std::int64_t task) {
      Encloser<Real> encloser(rows, balls);
      for (std::int64_t ball = task * each; ball < std::min((task + 1) * each, count); ++ball) {
        const std::int64_t first = ball * size, last = std::min(first + size, rows.count);
        encloser.enclose(order.data() + first, last - first, level.centre(ball));
      }
      progress.count({0, encloser.computed()});
    });
    if (count <= block) break;
  }
  for (const auto& level : levels) views.push_back(level.rows());
  return {balls.bound, views, threads, progress};
}

std::unique_ptr<Method> build(BuildRequest request, Progress& progress) {
  request.space.check(request.rows.columns);
  require(request.balls.has_value(), "ball_tree needs balls");
  const Balls& balls = *request.balls;
  balls.check(request.rows, request.space.search());
  const std::int64_t block = request.space.search().block;
  auto stored = stored_order(request.stored, request.rows.count, block);
  auto order = stored ? std::move(*stored) : Cutter(request.rows, balls, block).run(request.threads, progress);
  auto hierarchy = balls.bound.kernels().arithmetic_bytes == 4
                       ? enclosed<float>(request.rows, balls, order, request.threads, progress)
                       : enclosed<double>(request.rows, balls, order, request.threads, progress);
  const Estimate& search = request.space.filter;
  PackedPoints points(search.kernels(), search.parameters.data(), request.rows, order, request.threads, progress);
  return std::make_unique<TreeSearch>(request.rows, std::move(request.space), balls.bound, std::nullopt,
                                      std::move(order), std::move(hierarchy), std::move(points));
}

}  // namespace

extern const MethodEntry method_ball_tree;
const MethodEntry method_ball_tree{
    "exact search in cells enclosed by balls, for metrics", {}, tree_search_parameters(), build};

}  // namespace anear
