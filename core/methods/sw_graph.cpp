// sw_graph: approximate search by walking through a navigable small world (Malkov et al. 2014,
// https://doi.org/10.1016/j.is.2013.10.006): points are linked both ways to the nearest that are there when they come in,
// and no link is pruned.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "graph/graph_search.h"
#include "graph/hierarchy.h"

namespace anear {
namespace {

// A point that more than so many times as many chose as it chose itself keeps the nearest of them: rows have one length.
constexpr std::int64_t kHub = 16;

// The same links in rows of the length that is needed.
Links narrowed(const Links& links) {
  std::int64_t most = 1;
  for (std::int64_t i = 0; i < links.nodes(); ++i) most = std::max(most, links.count(i));
  Links narrow(links.nodes(), most);
  for (std::int64_t i = 0; i < links.nodes(); ++i)
    std::copy(links.row(i), links.row(i) + links.count(i), narrow.row(i));
  return narrow;
}

Upkeep sw_graph_upkeep(const std::vector<double>& parameters, bool /*never_negative*/) {
  const auto neighbours = static_cast<std::int64_t>(parameters[0]);
  return {.neighbours = neighbours,
          .width = std::max(static_cast<std::int64_t>(parameters[1]), neighbours),
          .pruning = {Rule::nearest, 1},
          .seed = static_cast<std::uint64_t>(parameters[5])};
}

Graph make_sw_graph(const GraphPoints& points, const std::vector<double>& parameters, int threads, Progress& progress) {
  const Upkeep upkeep = sw_graph_upkeep(parameters, false);
  const std::vector<std::int32_t> order = order_of_chance(points, upkeep.seed, threads, progress);
  Graph graph;
  graph.width = static_cast<std::int64_t>(parameters[4]);
  const auto starts = std::min(static_cast<std::int64_t>(parameters[3]), points.count());
  graph.entries.assign(order.begin(), order.begin() + starts);
  graph.base = Links(points.count(), kHub * upkeep.neighbours);
  const Growth growth{.neighbours = upkeep.neighbours,
                      .width = upkeep.width,
                      .pruning = upkeep.pruning,
                      .above = graph,
                      .attempts = static_cast<std::int64_t>(parameters[2]),
                      .seed = upkeep.seed};
  grow(graph.base, {}, order, 0, points, growth, threads, progress);
  graph.base = narrowed(graph.base);
  return graph;
}

}  // namespace

extern const MethodEntry method_sw_graph;
const MethodEntry method_sw_graph = graph_method<make_sw_graph, sw_graph_upkeep>(
    "approximate search by walking through a navigable small world of unpruned links",
    {{"nn", "int", 1, 512, 10, "neighbours that a point is linked to, both ways, when it comes in"},
     {"ef_construction", "int", 1, 1 << 20, 100, "width of the search for a new point's neighbours"},
     {"init_index_attempts", "int", 1, 4096, 2, "points drawn by chance that this search begins at"},
     {"init_search_attempts", "int", 1, 4096, 3, "points drawn by chance that a query's search begins at"},
     {"ef_search", "int", 1, 0x1p31, 64, "the default of ef"},
     {"seed", "int", 0, 0x1p53, 0, "of the order of the points and of what is drawn"}});

}  // namespace anear
