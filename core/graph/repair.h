// Taking nodes out of a graph that is searched meanwhile, and keeping all others in reach.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "base/gate.h"
#include "graph/draft.h"
#include "graph/grow.h"
#include "graph/linking.h"
#include "graph/reach.h"

namespace anear {

// One level of a graph.
struct Level {
  Links& links;
  const std::vector<std::int32_t>& nodes;  // the point that each node stands for; empty: node i is point i
  Reach& reach;
  Sources& sources;
  std::int32_t root;  // where the top leads to
};

// Whether a node is part of its level.
using Present = std::function<bool(std::int32_t)>;

// Sees to it that every node of a level can be reached from its root: nodes that cannot be are linked from the nearest
// that can.
void connect(const Level& level, const Present& present, const GraphPoints& points, std::int64_t width, Gate& gate);

// Takes nodes, none of which is the root, out of a level. Those that had links to them keep their other neighbours
// and choose more of those that the nodes had; where too few are left they look for neighbours as newcomers do.
void unlink(const Level& level, const std::vector<std::int32_t>& gone, const Present& present, std::int64_t left,
            const GraphPoints& points, const Growth& growth, Gate& gate, int threads, Progress& progress);

}  // namespace anear
