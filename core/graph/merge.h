// Two graphs over the same nodes as one.
#pragma once
#include <cstdint>

#include "graph/linking.h"

namespace anear {

// Every node gets its neighbours in both, the chosen of them where they are more than `most`.
Links merge(const Links& one, const Links& other, std::int64_t most, const GraphPoints& points, const Pruning& pruning,
            int threads, Progress& progress);

}  // namespace anear
