// The k nearest other points of every point, nearly: neighbours of neighbours are likely neighbours (Dong, Moses, Li
// 2011, https://doi.org/10.1145/1963405.1963487), begun with the pieces of random halvings.
#pragma once
#include <cstdint>

#include "base/progress.h"
#include "graph/knn_table.h"
#include "graph/linking.h"

namespace anear {

struct Descent {
  std::int64_t k;
  double rho = 0.5;      // of a node's neighbours compared with each other in a round
  double delta = 0.001;  // a round that improves a smaller share of all neighbours is the last
  std::int64_t trees = 8;
  std::uint64_t seed = 0;
};

// At most points - 1 neighbours each. The same on any number of threads.
template <class Real>
KnnTable<Real> nn_descent(const GraphPoints& points, const Descent& descent, int threads, Progress& progress);

}  // namespace anear
