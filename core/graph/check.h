// Whether a graph is what it should be.
#pragma once
#include "graph/layers.h"
#include "index/alive.h"
#include "index/method.h"

namespace anear {

// Looks at every link and every node, and for every live point whether it can be reached.
Checked check(const Graph& graph, const Alive& alive);

}  // namespace anear
