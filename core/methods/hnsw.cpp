// hnsw: approximate search by walking through a hierarchy of proximity graphs (https://arxiv.org/abs/1603.09320).
#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "graph/graph_search.h"

namespace anear {
namespace {

constexpr int kMostLayers = 16;

// A number in [0, 1) that depends on the seed and the point alone.
double chance(std::uint64_t seed, std::int64_t point) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15u + (static_cast<std::uint64_t>(point) + 1) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

// Level by level from the top; the nodes of a level are linked one level down as they were above, and the others come in.
Graph make_hnsw(const GraphPoints& points, const std::vector<double>& parameters, int threads, Progress& progress) {
  const auto m = static_cast<std::int64_t>(parameters[0]);
  const Growth growth{m, std::max<std::int64_t>(static_cast<std::int64_t>(parameters[1]), m)};
  const auto seed = static_cast<std::uint64_t>(parameters[2]);
  const std::int64_t count = points.objects.count;
  Graph graph;
  std::vector<std::int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> chances(count);
  for (std::int64_t i = 0; i < count; ++i) chances[i] = chance(seed, i);
  // In the order of their chances, every level is a beginning of the next.
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return chances[a] < chances[b] || (chances[a] == chances[b] && a < b);
  });
  std::vector<std::int64_t> sizes;
  double share = 1.0;
  for (int level = 1; level < kMostLayers; ++level) {
    share /= static_cast<double>(m);
    const auto size = static_cast<std::int64_t>(share * static_cast<double>(count));
    if (size < 2) break;
    sizes.push_back(size);
  }
  std::vector<Layer> above;  // as in a graph, so the one above comes last; reversed at the end
  std::int64_t settled = 0;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    Layer layer;
    layer.points.assign(order.begin(), order.begin() + *size);
    layer.links = Links(*size, m);
    for (std::int64_t i = 0; i < settled; ++i) {
      const std::int32_t* from = above.front().links.row(i);
      std::copy(from, from + m, layer.links.row(i));
    }
    std::vector<std::int32_t> newcomers(*size - settled);
    std::iota(newcomers.begin(), newcomers.end(), static_cast<std::int32_t>(settled));
    grow(layer.links, layer.points, newcomers, settled, points, growth, above, graph.top, threads, progress);
    settled = *size;
    layer.below.resize(*size);
    std::iota(layer.below.begin(), layer.below.end(), 0);
    above.insert(above.begin(), std::move(layer));
  }
  graph.base = Links(count, 2 * m);
  for (std::int64_t i = 0; i < settled; ++i) {
    const std::int32_t* from = above.front().links.row(i);
    std::int32_t* to = graph.base.row(order[i]);
    for (std::int64_t j = 0; j < m && from[j] != Links::kNone; ++j) to[j] = order[from[j]];
    above.front().below[i] = order[i];
  }
  const std::vector<std::int32_t> newcomers(order.begin() + settled, order.end());
  if (settled == 0) graph.top = order[0];
  grow(graph.base, {}, newcomers, settled, points, growth, above, graph.top, threads, progress);
  graph.layers = std::move(above);
  return graph;
}

}  // namespace

extern const MethodEntry method_hnsw;
const MethodEntry method_hnsw{
    "approximate search by walking through a hierarchy of proximity graphs",
    {{"m", "int", 2, 512, 16, "neighbours that a point is linked to when it comes in; up to twice as many later"},
     {"ef_construction", "int", 1, 1 << 20, 200, "width of the search for a new point's neighbours"},
     {"seed", "int", 0, 0x1p53, 0, "of the levels"}},
    graph_search_parameters(),
    [](BuildRequest request, Progress& progress) {
      return std::unique_ptr<Method>(std::make_unique<GraphSearch>(std::move(request), make_hnsw, progress));
    }};

}  // namespace anear
