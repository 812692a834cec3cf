#include "graph/hierarchy.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace anear {
namespace {

constexpr std::size_t kMostLevels = 15;

}  // namespace

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
  } else {
    graph.top = order[0];
    graph.entries = {order[0]};
  }
  return settled;
}

}  // namespace anear
