// Neighbours as a graph that can be walked through.
#pragma once
#include <cstdint>

#include "graph/knn_table.h"
#include "graph/layers.h"
#include "graph/linking.h"

namespace anear {

// Every node is linked to those of its neighbours that are chosen, to those that chose it, and as it is in the lowest
// layer above: at most `degree`, chosen from anew where they are more.
template <class Real>
Links navigable(const KnnTable<Real>& table, const Graph& above, std::int64_t degree, const GraphPoints& points,
                const Pruning& pruning, int threads, Progress& progress);

}  // namespace anear
