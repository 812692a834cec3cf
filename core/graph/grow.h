// Growing a graph: nodes come in batches, whose members do not see each other; so the graph is the same on any number
// of threads, and no node is ever locked (as ParlayANN builds, https://arxiv.org/abs/2305.04359).
#pragma once
#include <cstdint>
#include <vector>

#include "base/gate.h"
#include "base/progress.h"
#include "graph/layers.h"
#include "graph/linking.h"
#include "graph/reach.h"

namespace anear {

// What a graph needs that is searched while it grows.
struct Living {
  Gate& gate;
  Reach& reach;  // of the links that grow
  Sources& sources;
};

struct Growth {
  std::int64_t neighbours;  // of a node that comes in
  std::int64_t width;       // of the walk that finds them
  Pruning pruning;
  // Where walks begin: from its layers where there are any, else at its entries.
  const Graph& above;
  std::size_t from = 0;  // the lowest of its layers that walks come through
  const Living* living = nullptr;
  // With attempts at so many of the nodes that are there, drawn by chance.
  std::int64_t attempts = 0;
  std::uint64_t seed = 0;
};

// Inserts `newcomers`, in this order, into `links`, where `settled` nodes are already. `nodes`: the point that each node
// stands for; empty: node i is point i.
void grow(Links& links, const std::vector<std::int32_t>& nodes, const std::vector<std::int32_t>& newcomers,
          std::int64_t settled, const GraphPoints& points, const Growth& growth, int threads, Progress& progress);

}  // namespace anear
