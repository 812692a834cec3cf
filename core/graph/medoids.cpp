#include "graph/medoids.h"

#include <algorithm>
#include <utility>

#include "graph/halving.h"

namespace anear {
namespace {

constexpr std::int64_t kSample = 64;

// The point of some whose sum of ranks, as seen by the others, is least.
template <class Real>
std::int32_t medoid(const std::vector<std::int32_t>& points, Linking<Real>& linking, LinkWorker<Real>& worker) {
  // how many have no distance to it, then the sum of the others
  std::vector<std::pair<int, double>> sums(points.size());
  for (const std::int32_t point : points) {
    worker.walk.scorer.at(linking.prepare(point, worker));
    const Real* values = worker.walk.scorer(points.data(), static_cast<std::int64_t>(points.size()));
    for (std::size_t i = 0; i < points.size(); ++i) {
      const bool defined = values[i] == values[i];
      sums[i].first += !defined;
      if (defined) sums[i].second += static_cast<double>(values[i]);
    }
  }
  return points[std::min_element(sums.begin(), sums.end()) - sums.begin()];
}

template <class Real>
std::vector<std::int32_t> medoids_as(const GraphPoints& points, std::int64_t count, std::uint64_t seed, int threads,
                                     Progress& progress) {
  const std::int64_t largest = std::max<std::int64_t>(2, (points.count() + count - 1) / count);
  const std::vector<std::int32_t> order = halved(points, largest, seed, threads, progress);
  const std::vector<std::int64_t> ends = pieces(points.count(), largest);
  std::vector<std::int32_t> found(ends.size() - 1);
  Links none;
  const std::vector<std::int32_t> every;
  Linking<Real> linking(none, every, points, {}, threads, progress);
  linking.each(static_cast<std::int64_t>(found.size()), 1, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const std::int64_t size = ends[i + 1] - ends[i], step = std::max<std::int64_t>(1, size / kSample);
    std::vector<std::int32_t> some;
    for (std::int64_t at = ends[i]; at < ends[i + 1]; at += step) some.push_back(order[at]);
    found[i] = medoid(some, linking, worker);
  });
  return found;
}

}  // namespace

std::vector<std::int32_t> medoids(const GraphPoints& points, std::int64_t count, std::uint64_t seed, int threads,
                                  Progress& progress) {
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    return medoids_as<float>(points, count, seed, threads, progress);
  }
  return medoids_as<double>(points, count, seed, threads, progress);
}

}  // namespace anear
