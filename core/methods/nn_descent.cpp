// nn_descent: the nearest neighbours of every point, found among neighbours' neighbours, as a graph to walk through
// (Dong, Moses, Li 2011, https://doi.org/10.1145/1963405.1963487).
#include "graph/nn_descent.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "graph/graph_search.h"
#include "graph/hierarchy.h"
#include "graph/navigable.h"

namespace anear {
namespace {

// Neighbours are near, so walks need places to begin that are spread over the set: one point in so many, linked among
// themselves.
constexpr double kSpread = 1.0 / 16;
constexpr std::int64_t kSpreadLinks = 16, kSpreadWidth = 64;

template <class Real>
Links make_base(const Graph& above, const GraphPoints& points, const Descent& descent, int threads,
                Progress& progress) {
  const KnnTable<Real> table = nn_descent<Real>(points, descent, threads, progress);
  return navigable(table, above, descent.k, points, {}, threads, progress);
}

Graph make_nn_descent(const GraphPoints& points, const std::vector<double>& parameters, int threads,
                      Progress& progress) {
  const Descent descent{.k = static_cast<std::int64_t>(parameters[0]),
                        .rho = parameters[1],
                        .delta = parameters[2],
                        .trees = static_cast<std::int64_t>(parameters[3]),
                        .seed = static_cast<std::uint64_t>(parameters[5])};
  const std::int64_t count = points.count();
  Graph graph;
  graph.width = static_cast<std::int64_t>(parameters[4]);
  if (count == 1) {
    graph.base = Links(1, 1);
    graph.entries = {0};
    return graph;
  }
  const Growth growth{.neighbours = kSpreadLinks, .width = kSpreadWidth, .pruning = {}, .above = graph};
  grow_layers(graph, order_of_chance(points, descent.seed, threads, progress), level_sizes(count, kSpread),
              kSpreadLinks, points, growth, threads, progress);
  const bool single = points.estimate.kernels().arithmetic_bytes == 4;
  graph.base = single ? make_base<float>(graph, points, descent, threads, progress)
                      : make_base<double>(graph, points, descent, threads, progress);
  return graph;
}

Upkeep nn_descent_upkeep(const std::vector<double>& parameters, bool /*never_negative*/) {
  const auto neighbours = static_cast<std::int64_t>(parameters[0]);
  return {neighbours, 2 * neighbours, {}, kSpread, static_cast<std::uint64_t>(parameters[5])};
}

}  // namespace

extern const MethodEntry method_nn_descent;
const MethodEntry method_nn_descent = graph_method<make_nn_descent, nn_descent_upkeep>(
    "approximate search by walking through every point's nearest neighbours, found by NN-descent",
    {{"nn", "int", 2, 512, 32, "neighbours of a point"},
     {"rho", "float", 0.01, 1, 0.5, "share of a point's neighbours that are compared with each other in a round"},
     {"delta", "float", 0, 1, 0.001, "a round that improves a smaller share of the neighbours is the last"},
     {"trees", "int", 1, 64, 8, "random halvings of the points that the first neighbours come from"},
     {"ef_search", "int", 1, 0x1p31, 64, "the default of ef"},
     {"seed", "int", 0, 0x1p53, 0, "of the halvings and of what is drawn"}});

}  // namespace anear
