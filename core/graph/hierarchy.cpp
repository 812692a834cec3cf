#include "graph/hierarchy.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/chance.h"

namespace anear {
namespace {

constexpr std::size_t kMostLevels = 15;
constexpr std::int64_t kNodesPerTask = 256;

template <class Real>
void tell_undefined(const GraphPoints& points, std::vector<std::uint8_t>& undefined, int threads, Progress& progress) {
  Links none;
  const std::vector<std::int32_t> every;
  Linking<Real> linking(none, every, points, {}, threads, progress);
  linking.each(points.count(), kNodesPerTask, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const auto node = static_cast<std::int32_t>(i);
    worker.walk.scorer.at(linking.prepare(node, worker));
    const Real value = *worker.walk.scorer(&node, 1);
    undefined[i] = !(value == value);
  });
}

}  // namespace

std::vector<std::int32_t> order_of_chance(const GraphPoints& points, std::uint64_t seed, int threads,
                                          Progress& progress) {
  std::vector<std::uint8_t> undefined(points.count(), 0);
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    tell_undefined<float>(points, undefined, threads, progress);
  } else {
    tell_undefined<double>(points, undefined, threads, progress);
  }
  std::vector<std::int32_t> order = shuffled(points.count(), seed);
  std::stable_partition(order.begin(), order.end(), [&](std::int32_t point) { return undefined[point] == 0; });
  return order;
}

std::vector<std::int64_t> level_sizes(std::int64_t count, double share) {
  std::vector<std::int64_t> sizes;
  double part = static_cast<double>(count);
  while (sizes.size() < kMostLevels) {
    part *= share;
    if (part < 2) break;
    sizes.push_back(static_cast<std::int64_t>(part));
  }
  return sizes;
}

std::int64_t grow_layers(Graph& graph, const std::vector<std::int32_t>& order, const std::vector<std::int64_t>& sizes,
                         std::int64_t degree, const GraphPoints& points, const Growth& growth, int threads,
                         Progress& progress) {
  std::int64_t settled = 0;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    Layer layer;
    layer.points.assign(order.begin(), order.begin() + *size);
    layer.links = Links(*size, degree);
    for (std::int64_t i = 0; i < settled; ++i) {
      const std::int32_t* from = graph.layers.front().links.row(i);
      std::copy(from, from + degree, layer.links.row(i));
    }
    std::vector<std::int32_t> newcomers(*size - settled);
    std::iota(newcomers.begin(), newcomers.end(), static_cast<std::int32_t>(settled));
    grow(layer.links, layer.points, newcomers, settled, points, growth, threads, progress);
    settled = *size;
    layer.below.resize(*size);
    std::iota(layer.below.begin(), layer.below.end(), 0);
    graph.layers.insert(graph.layers.begin(), std::move(layer));
  }
  if (settled > 0) {
    std::copy(order.begin(), order.begin() + settled, graph.layers.front().below.begin());
  }
  graph.entries = {order[0]};
  return settled;
}

}  // namespace anear
