#include "graph/check.h"

#include <algorithm>
#include <string>
#include <vector>

namespace anear {
namespace {

// One level, told as a person would find it.
class LevelCheck {
 public:
  LevelCheck(const Links& links, std::string name, Checked& result)
      : links_(links), name_(std::move(name)), result_(result) {}

  void fault(std::int64_t node, const std::string& what) {
    constexpr std::size_t kMostTold = 20;
    if (result_.faults.size() < kMostTold) result_.faults.push_back(name_ + ", node " + std::to_string(node) + what);
    result_.sound = false;
  }

  // `present(node)`: whether the node is part of the level.
  template <class Present>
  void rows(const Present& present) {
    std::vector<std::int32_t> seen;
    for (std::int64_t node = 0; node < links_.nodes(); ++node) {
      const std::int32_t* row = links_.row(node);
      seen.clear();
      for (std::int64_t i = 0; i < links_.degree(); ++i) {
        if (row[i] == Links::kNone) continue;
        if (i > 0 && row[i - 1] == Links::kNone) fault(node, " has a link after its last");
        if (row[i] < 0 || row[i] >= links_.nodes()) {
          fault(node, " is linked to " + std::to_string(row[i]) + ", which there is not");
          continue;
        }
        if (row[i] == node) fault(node, " is linked to itself");
        if (!present(row[i])) fault(node, " is linked to " + std::to_string(row[i]) + ", which was removed");
        seen.push_back(row[i]);
      }
      std::sort(seen.begin(), seen.end());
      if (std::adjacent_find(seen.begin(), seen.end()) != seen.end()) fault(node, " has the same link twice");
      if (!seen.empty() && !present(node)) fault(node, " was removed and has links");
    }
  }

  // How many nodes that are present can be reached from `root`.
  template <class Present>
  std::int64_t reached(std::int32_t root, const Present& present) const {
    if (root < 0 || root >= links_.nodes()) return 0;
    std::vector<std::uint8_t> seen(links_.nodes(), 0);
    std::vector<std::int32_t> queue{root};
    seen[root] = 1;
    std::int64_t count = 0;
    for (std::size_t next = 0; next < queue.size(); ++next) {
      count += present(queue[next]) ? 1 : 0;
      const std::int32_t* row = links_.row(queue[next]);
      for (std::int64_t i = 0; i < links_.degree(); ++i) {
        if (row[i] < 0 || row[i] >= links_.nodes() || seen[row[i]] != 0) continue;
        seen[row[i]] = 1;
        queue.push_back(row[i]);
      }
    }
    return count;
  }

 private:
  const Links& links_;
  std::string name_;
  Checked& result_;
};

// The layer's nodes stand for live points, each once, and for the same points as the nodes below them.
void check_nodes(const Graph& graph, std::size_t number, const Alive& alive, LevelCheck& level) {
  const Layer& layer = graph.layers[number];
  const auto nodes = static_cast<std::size_t>(layer.links.nodes());
  if (layer.points.size() != nodes || layer.below.size() != nodes) return level.fault(0, ": the layer's arrays differ");
  std::vector<std::uint8_t> seen(graph.base.nodes(), 0);
  for (std::size_t node = 0; node < nodes; ++node) {
    const std::int32_t point = layer.points[node], below = layer.below[node];
    const auto name = static_cast<std::int64_t>(node);
    if (point < 0 || point >= graph.base.nodes()) {
      level.fault(name, " stands for no point");
      continue;
    }
    if (!alive[point]) continue;
    if (seen[point] != 0) level.fault(name, " stands for a point that another stands for");
    seen[point] = 1;
    const std::vector<std::int32_t>* under = number == 0 ? nullptr : &graph.layers[number - 1].points;
    const auto size = static_cast<std::int64_t>(under == nullptr ? graph.base.nodes() : under->size());
    if (below < 0 || below >= size || (under == nullptr ? below : (*under)[below]) != point) {
      level.fault(name, " leads down to another point");
    }
  }
}

}  // namespace

Checked check(const Graph& graph, const Alive& alive) {
  Checked result;
  result.live = alive.count();
  LevelCheck base(graph.base, "the base", result);
  const auto is_alive = [&](std::int32_t node) { return alive[node]; };
  base.rows(is_alive);
  if (graph.base.nodes() > alive.points()) base.fault(graph.base.nodes(), " and others stand for no point");
  if (result.live > 0 && (graph.root < 0 || graph.root != graph.root_below() || !alive[graph.root])) {
    base.fault(graph.root, " is no root");
  }
  result.reachable = base.reached(graph.root, is_alive);
  std::int32_t root = graph.top;
  for (std::size_t i = graph.layers.size(); i-- > 0;) {
    const Layer& layer = graph.layers[i];
    LevelCheck level(layer.links, "layer " + std::to_string(i + 1), result);
    const auto present = [&](std::int32_t node) { return alive[layer.points[node]]; };
    check_nodes(graph, i, alive, level);
    level.rows(present);
    if (root < 0 || root >= layer.links.nodes() || !present(root)) {
      level.fault(root, " is where walks begin, and is none");
      break;
    }
    const auto nodes =
        std::count_if(layer.points.begin(), layer.points.end(), [&](std::int32_t p) { return alive[p]; });
    if (level.reached(root, present) != nodes) level.fault(root, " does not reach all of the layer");
    root = layer.below[root];
  }
  return result;
}

}  // namespace anear
