#include "graph/stored_graph.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"

namespace anear {
namespace {

constexpr std::int64_t kMostWidth = std::int64_t{1} << 31;
constexpr std::int64_t kTaskNumbers = 1 << 18;

std::string layer_name(std::size_t layer, const char* part) { return "layer." + std::to_string(layer) + "." + part; }

Part links_part(std::string name, const Links& links) {
  return {std::move(name), PartType::int32, links.nodes(), links.degree(), links.row(0)};
}

// Whether each of the rows holds nodes, and then nothing any more.
bool are_links(const std::int32_t* ids, std::int64_t rows, std::int64_t degree, std::int64_t nodes) {
  const auto end = static_cast<std::uint32_t>(nodes);
  std::uint32_t bad = 0;
  for (std::int64_t row = 0; row < rows; ++row, ids += degree) {
    bad |= ids[0] != Links::kNone && static_cast<std::uint32_t>(ids[0]) >= end;
    for (std::int64_t i = 1; i < degree; ++i) {
      const bool node = static_cast<std::uint32_t>(ids[i]) < end;
      bad |= node ? ids[i - 1] == Links::kNone : ids[i] != Links::kNone;
    }
  }
  return bad == 0;
}

Links stored_links(const Part& part, std::int64_t nodes, bool copied, bool look, int threads, Progress& progress) {
  Links links = Links::over(part.integers(), nodes, part.columns);
  require(part.rows == nodes && part.columns >= 1, "'" + part.name + "' has the shape " + std::to_string(part.rows) +
                                                       " x " + std::to_string(part.columns) + " for " +
                                                       std::to_string(nodes) + " nodes");
  const std::string nowhere = "'" + part.name + "' holds links that lead nowhere";
  if (copied) {
    require(links.own(), nowhere);
  } else if (look) {
    const std::int32_t* ids = links.row(0);
    const std::int64_t each = std::max<std::int64_t>(1, kTaskNumbers / part.columns);
    std::atomic<bool> good = true;
    parallel_for((nodes + each - 1) / each, threads, progress, [&](std::int64_t task) {
      const std::int64_t first = task * each, count = std::min(each, nodes - first);
      if (!are_links(ids + first * part.columns, count, part.columns, nodes)) good = false;
    });
    require(good, nowhere);
  }
  return links;
}

std::vector<std::int32_t> numbers(const Part& part, std::int64_t count, std::int64_t end) {
  require(part.size() == count, "'" + part.name + "' has " + std::to_string(part.size()) + " numbers for " +
                                    std::to_string(count) + " nodes");
  std::vector<std::int32_t> copied(part.integers(), part.integers() + count);
  check_numbers(anear::part(part.name, copied), end);
  return copied;
}

}  // namespace

std::vector<Part> graph_parts(const Graph& graph) {
  std::vector<Part> parts{links_part("links", graph.base),
                          part("entries", graph.entries),
                          {"top", PartType::int32, 1, 0, &graph.top},
                          {"width", PartType::int64, 1, 0, &graph.width}};
  for (std::size_t i = 0; i < graph.layers.size(); ++i) {
    const Layer& layer = graph.layers[i];
    parts.push_back(links_part(layer_name(i, "links"), layer.links));
    parts.push_back(part(layer_name(i, "points"), layer.points));
    parts.push_back(part(layer_name(i, "below"), layer.below));
  }
  return parts;
}

Graph stored_graph(const Stored& stored, std::int64_t points, int threads, Progress& progress) {
  Graph graph;
  graph.base = stored_links(stored.get("links"), points, false, stored.look, threads, progress);
  std::int64_t below = points;
  while (const Part* links = stored.find(layer_name(graph.layers.size(), "links"))) {
    const std::size_t i = graph.layers.size();
    require(1 <= links->rows && links->rows <= below,
            "'" + links->name + "' has " + std::to_string(links->rows) + " nodes above " + std::to_string(below));
    Layer layer;
    layer.links = stored_links(*links, links->rows, true, true, threads, progress);
    layer.points = numbers(stored.get(layer_name(i, "points")), links->rows, points);
    layer.below = numbers(stored.get(layer_name(i, "below")), links->rows, below);
    below = links->rows;
    graph.layers.push_back(std::move(layer));
  }
  graph.top = numbers(stored.get("top"), 1, below)[0];
  const Part &entries = stored.get("entries"), &width = stored.get("width");
  graph.entries = numbers(entries, entries.size(), points);
  require(!graph.layers.empty() || !graph.entries.empty(), "'entries' is empty");
  require(width.size() == 1, "'width' must be one number");
  graph.width = *width.long_integers();
  require(1 <= graph.width && graph.width <= kMostWidth, "'width' is " + std::to_string(graph.width));
  return graph;
}

std::vector<Part> code_parts(const Codes& codes, std::int64_t points) {
  const MadeCodes made = codes.made(points);
  std::vector<Part> parts{{"codes", PartType::uint8, points, codes.row_bytes(), made.rows.data()}};
  const auto add = [&](const char* name, std::span<const float> values) {
    parts.push_back({name, PartType::float32, static_cast<std::int64_t>(values.size()), 0, values.data()});
  };
  add("code_scalars", made.scalars);
  add("code_low", made.low);
  add("code_step", made.step);
  if (!made.common.empty()) {
    parts.push_back(
        {"code_common", PartType::float64, static_cast<std::int64_t>(made.common.size()), 0, made.common.data()});
  }
  if (!made.levels.empty()) {
    parts.push_back(
        {"code_levels", PartType::uint8, static_cast<std::int64_t>(made.levels.size()), 0, made.levels.data()});
  }
  return parts;
}

std::optional<MadeCodes> stored_codes(const Stored& stored) {
  const Part* codes = stored.find("codes");
  if (codes == nullptr) return std::nullopt;
  const auto floats = [&](const char* name) {
    const Part& part = stored.get(name);
    return std::span(part.floats(), static_cast<std::size_t>(part.size()));
  };
  MadeCodes made{{reinterpret_cast<const std::byte*>(codes->bytes()), static_cast<std::size_t>(codes->size())},
                 floats("code_scalars"),
                 floats("code_low"),
                 floats("code_step"),
                 {},
                 {}};
  if (const Part* part = stored.find("code_common"))
    made.common = {part->doubles(), static_cast<std::size_t>(part->size())};
  if (const Part* part = stored.find("code_levels"))
    made.levels = {part->bytes(), static_cast<std::size_t>(part->size())};
  return made;
}

}  // namespace anear
