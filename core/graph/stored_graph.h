// A graph as arrays by name, and made again from them.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/progress.h"
#include "graph/layers.h"
#include "index/stored.h"
#include "storage/codes.h"

namespace anear {

std::vector<Part> graph_parts(const Graph& graph);

// The graph over so many points whose parts these are; its lowest links stay where they are. Everything above, which is
// little, is looked at and copied in any case. Throws ArgumentError if the parts are no graph.
Graph stored_graph(const Stored& stored, std::int64_t points, int threads, Progress& progress);

std::vector<Part> code_parts(const Codes& codes, std::int64_t points);

// What was stored of codes, if anything was.
std::optional<MadeCodes> stored_codes(const Stored& stored);

}  // namespace anear
