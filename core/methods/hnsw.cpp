// hnsw: approximate search by walking through a hierarchy of proximity graphs (https://arxiv.org/abs/1603.09320).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "graph/graph_search.h"
#include "graph/hierarchy.h"
#include "graph/merge.h"

namespace anear {
namespace {

struct Options {
  explicit Options(const std::vector<double>& given)
      : m(static_cast<std::int64_t>(given[0])),
        width(std::max(static_cast<std::int64_t>(given[1]), m)),
        most(given[2] > 0 ? static_cast<std::int64_t>(given[2]) : m),
        most_base(given[3] > 0 ? static_cast<std::int64_t>(given[3]) : 2 * m),
        pruning{static_cast<Rule>(static_cast<int>(given[4]))},
        share(std::exp(-1 / (given[5] > 0 ? given[5] : 1 / std::log(static_cast<double>(m))))),
        post(static_cast<int>(given[6])),
        search_width(static_cast<std::int64_t>(given[7])),
        seed(static_cast<std::uint64_t>(given[9])) {}

  std::int64_t m, width, most, most_base;
  Pruning pruning;
  double share;  // of a level's nodes that are on the next one too
  int post;
  std::int64_t search_width;
  std::uint64_t seed;
};

// The base: nodes that the level above has come linked as they are there, the others come in.
Links make_base(const Graph& graph, const std::vector<std::int32_t>& order, const std::vector<std::int32_t>& newcomers,
                const GraphPoints& points, const Options& options, const Growth& growth, int threads,
                Progress& progress) {
  Links base(points.count(), options.most_base);
  const auto settled = static_cast<std::int64_t>(order.size() - newcomers.size());
  for (std::int64_t i = 0; i < settled; ++i) {
    const Links& above = graph.layers.front().links;
    const std::int32_t* from = above.row(i);
    const std::int64_t there = std::min(above.count(i), options.most_base);
    std::transform(from, from + there, base.row(order[i]), [&](std::int32_t node) { return order[node]; });
  }
  grow(base, {}, newcomers, settled, points, growth, threads, progress);
  return base;
}

Graph make_hnsw(const GraphPoints& points, const std::vector<double>& parameters, int threads, Progress& progress) {
  const Options options(parameters);
  const std::int64_t count = points.count();
  Graph graph;
  const Growth growth{.neighbours = options.m, .width = options.width, .pruning = options.pruning, .above = graph};
  const std::vector<std::int32_t> order = order_of_chance(points, options.seed, threads, progress);
  const std::int64_t settled =
      grow_layers(graph, order, level_sizes(count, options.share), options.most, points, growth, threads, progress);
  std::vector<std::int32_t> newcomers(order.begin() + settled, order.end());
  graph.base = make_base(graph, order, newcomers, points, options, growth, threads, progress);
  if (options.post > 0) {
    std::reverse(newcomers.begin() + (settled == 0), newcomers.end());
    const Links other = make_base(graph, order, newcomers, points, options, growth, threads, progress);
    const std::int64_t most = options.post == 1 ? 2 * options.most_base : options.most_base;
    graph.base = merge(graph.base, other, most, points, options.pruning, threads, progress);
  }
  graph.width = options.search_width;
  return graph;
}

Upkeep hnsw_upkeep(const std::vector<double>& parameters, bool /*never_negative*/) {
  const Options options(parameters);
  return {options.m, options.width, options.pruning, options.share, options.seed};
}

}  // namespace

extern const MethodEntry method_hnsw;
const MethodEntry method_hnsw = graph_method<make_hnsw, hnsw_upkeep>(
    "approximate search by walking through a hierarchy of proximity graphs",
    {{"m", "int", 2, 512, 16, "neighbours that a point is linked to when it comes in"},
     {"ef_construction", "int", 1, 1 << 20, 200, "width of the search for a new point's neighbours"},
     {"max_m", "int", 0, 512, 0, "most neighbours above the base; 0: m"},
     {"max_m0", "int", 0, 1024, 0, "most neighbours in the base; 0: twice m"},
     {"delaunay_type", "int", 0, 3, 2,
      "how neighbours are chosen: 0 the nearest, 2 pruned, 1 pruned and filled up, "
      "3 pruned with the candidates' own neighbours"},
     {"mult", "float", 0, 100, 0, "a level holds exp(-1/mult) of the nodes below it; 0: 1/log(m)"},
     {"post", "int", 0, 2, 0, "1: joined with the graph of the points in reverse order; 2: and pruned again"},
     {"ef_search", "int", 1, 0x1p31, 64, "the default of ef"},
     {"search_method", "int", 0, 4, 0, "no effect: NMSLIB's memory layouts, of which there is one here"},
     {"seed", "int", 0, 0x1p53, 0, "of the levels"}});

}  // namespace anear
