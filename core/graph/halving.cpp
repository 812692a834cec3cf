#include "graph/halving.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/chance.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "graph/walk.h"

namespace anear {
namespace {

template <class Real>
struct Scratch {
  Scorer<Real> scorer;
  PreparedQueries query;
  std::vector<Spot<Real>> keys;
  std::int64_t reported = 0;
};

template <class Real>
class Halver {
 public:
  Halver(const GraphPoints& points, std::int64_t largest, std::uint64_t seed, Progress& progress)
      : points_(points), largest_(largest), seed_(seed), progress_(progress), order_(points.count()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  std::vector<std::int32_t> run(int threads) {
    fork_join(threads, progress_, [this](Tasks& tasks) { cut(0, points_.count(), tasks); });
    return std::move(order_);
  }

 private:
  void cut(std::int64_t begin, std::int64_t end, Tasks& tasks) {
    while (end - begin > largest_) {
      const std::int64_t middle = begin + (end - begin) / 2;
      halve(begin, middle, end);
      progress_.poll();
      tasks.spawn([this, middle, end](Tasks& more) { cut(middle, end, more); });
      end = middle;
    }
  }

  void halve(std::int64_t begin, std::int64_t middle, std::int64_t end) {
    auto scratch = spares_.take();
    Scorer<Real>& scorer = scratch->scorer;
    scorer.reset(points_.estimate, points_.rows);
    std::vector<Spot<Real>>& keys = scratch->keys;
    const std::int64_t count = end - begin;
    keys.resize(count, {});
    const auto drawn = static_cast<std::uint64_t>(begin) * 2 + static_cast<std::uint64_t>(end) * 7919;
    const std::int64_t one = chance_below(seed_, drawn, count);
    const std::int64_t other = (one + 1 + chance_below(seed_, drawn + 1, count - 1)) % count;
    const std::int32_t* ids = order_.data() + begin;
    scorer.at(points_.queries.at(ids[one], scratch->query));
    const Real* values = scorer(ids, count);
    for (std::int64_t i = 0; i < count; ++i) keys[i] = {values[i], ids[i]};
    scorer.at(points_.queries.at(ids[other], scratch->query));
    values = scorer(ids, count);
    for (std::int64_t i = 0; i < count; ++i) {
      const Real key = keys[i].value - values[i];
      keys[i].value = key == key ? key : std::numeric_limits<Real>::infinity();
    }
    std::nth_element(keys.begin(), keys.begin() + (middle - begin), keys.end());
    for (std::int64_t i = 0; i < count; ++i) order_[begin + i] = keys[i].node;
    progress_.count({scorer.computed() - scratch->reported, 0});
    scratch->reported = scorer.computed();
    spares_.give(std::move(scratch));
  }

  const GraphPoints& points_;
  std::int64_t largest_;
  std::uint64_t seed_;
  Progress& progress_;
  std::vector<std::int32_t> order_;
  Spares<Scratch<Real>> spares_;
};

}  // namespace

std::vector<std::int32_t> halved(const GraphPoints& points, std::int64_t largest, std::uint64_t seed, int threads,
                                 Progress& progress) {
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    return Halver<float>(points, largest, seed, progress).run(threads);
  }
  return Halver<double>(points, largest, seed, progress).run(threads);
}

std::vector<std::int64_t> pieces(std::int64_t count, std::int64_t largest) {
  std::vector<std::int64_t> ends{0};
  const auto cut = [&](const auto& self, std::int64_t begin, std::int64_t end) -> void {
    if (end - begin <= largest) {
      ends.push_back(end);
      return;
    }
    const std::int64_t middle = begin + (end - begin) / 2;
    self(self, begin, middle);
    self(self, middle, end);
  };
  cut(cut, 0, count);
  return ends;
}

}  // namespace anear
