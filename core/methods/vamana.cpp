// vamana: approximate search by walking through one flat graph (DiskANN's, https://suhasjs.github.io/files/
// diskann_neurips19.pdf), whose points come in batches as in ParlayANN (https://arxiv.org/abs/2305.04359).
#include <algorithm>
#include <cstdint>
#include <vector>

#include "graph/graph_search.h"
#include "graph/hierarchy.h"
#include "graph/medoids.h"

namespace anear {
namespace {

// Without layers; alpha only where ranks have ratios.
Upkeep vamana_upkeep(const std::vector<double>& parameters, bool never_negative) {
  const auto degree = static_cast<std::int64_t>(parameters[0]);
  return {.neighbours = degree,
          .width = std::max(static_cast<std::int64_t>(parameters[1]), degree),
          .pruning = {Rule::pruned, never_negative ? parameters[2] : 1.0},
          .seed = static_cast<std::uint64_t>(parameters[5]),
          .beside = parameters[6] != 0};
}

Graph make_vamana(const GraphPoints& points, const std::vector<double>& parameters, int threads, Progress& progress) {
  const Upkeep upkeep = vamana_upkeep(parameters, points.form.never_negative);
  Graph graph;
  graph.width = static_cast<std::int64_t>(parameters[4]);
  graph.entries = medoids(points, static_cast<std::int64_t>(parameters[3]), upkeep.seed, threads, progress);
  graph.base = Links(points.count(), upkeep.neighbours);
  // Walks begin at the entries, so they come first.
  std::vector<std::int32_t> order = graph.entries;
  std::vector<std::uint8_t> first(points.count(), 0);
  for (const std::int32_t node : order) first[node] = 1;
  for (const std::int32_t node : order_of_chance(points, upkeep.seed, threads, progress)) {
    if (first[node] == 0) order.push_back(node);
  }
  const Growth growth{
      .neighbours = upkeep.neighbours, .width = upkeep.width, .pruning = upkeep.pruning, .above = graph};
  grow(graph.base, {}, order, 0, points, growth, threads, progress);
  return graph;
}

}  // namespace

extern const MethodEntry method_vamana;
const MethodEntry method_vamana = graph_method<make_vamana, vamana_upkeep>(
    "approximate search by walking through one flat graph from the middles of some parts of the set",
    {{"r", "int", 2, 1024, 32, "most neighbours of a point"},
     {"l", "int", 1, 1 << 20, 100, "width of the search for a new point's neighbours"},
     {"alpha", "float", 1, 4, 1,
      "a neighbour shuts out points that it is so many times nearer to, by rank; 1 where ranks may be negative"},
     {"entries", "int", 1, 4096, 16, "points that walks begin at"},
     {"ef_search", "int", 1, 0x1p31, 64, "the default of ef"},
     {"seed", "int", 0, 0x1p53, 0, "of the order in which points come in"},
     {"beside", "int", 0, 1, 0,
      "1: with codes of four bits, those of a point's neighbours are kept beside it: a walk of many points is quicker,"
      " for half a byte a coordinate and neighbour"}});

}  // namespace anear
