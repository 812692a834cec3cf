#include "graph/navigable.h"

#include <algorithm>
#include <vector>

namespace anear {
namespace {

constexpr std::int64_t kNodesPerTask = 16;
constexpr std::size_t kWidth = 32;  // of the walks that find who can reach a node

// Which nodes are reached, and all that can be reached from them.
class Reach {
 public:
  explicit Reach(std::int64_t nodes) : reached_(nodes, 0) {}

  bool has(std::int32_t node) const { return reached_[node] != 0; }

  void add(const Links& links, std::int32_t node) {
    if (has(node)) return;
    reached_[node] = 1;
    waiting_.push_back(node);
    while (!waiting_.empty()) {
      const std::int32_t* row = links.row(waiting_.back());
      waiting_.pop_back();
      for (std::int64_t i = 0; i < links.degree() && row[i] != Links::kNone; ++i) {
        if (has(row[i])) continue;
        reached_[row[i]] = 1;
        waiting_.push_back(row[i]);
      }
    }
  }

 private:
  std::vector<std::uint8_t> reached_;
  std::vector<std::int32_t> waiting_;
};

Links wider(const Links& links) {
  Links all(links.nodes(), links.degree() + 1);
  for (std::int64_t i = 0; i < links.nodes(); ++i) std::copy(links.row(i), links.row(i) + links.degree(), all.row(i));
  return all;
}

// For each of the nodes those that a walk to it comes by, the nearest first.
template <class Real>
std::vector<std::vector<std::int32_t>> near(const Graph& graph, const std::vector<std::int32_t>& nodes,
                                            Linking<Real>& linking, Progress& progress) {
  std::vector<std::vector<std::int32_t>> found(nodes.size());
  linking.each(static_cast<std::int64_t>(nodes.size()), kNodesPerTask, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const std::byte* query = linking.prepare(nodes[i], worker);
    const std::int32_t entry = descend(graph.layers, graph.top, query, worker.walk);
    linking.of_nodes(worker);
    if (graph.layers.empty()) {
      worker.walk.run(graph.base, graph.entries.data(), static_cast<std::int64_t>(graph.entries.size()), kWidth);
    } else {
      worker.walk.run(graph.base, &entry, 1, kWidth);
    }
    for (const Spot<Real>& spot : worker.walk.beam) found[i].push_back(spot.node);
    progress.poll();
  });
  return found;
}

template <class Real>
void make_reachable_as(Graph& graph, const GraphPoints& points, int threads, Progress& progress) {
  Reach reach(graph.base.nodes());
  const std::vector<std::int32_t>& begins = graph.layers.empty() ? graph.entries : graph.layers.front().below;
  for (const std::int32_t node : begins) reach.add(graph.base, node);
  const std::vector<std::int32_t> every;
  std::vector<std::int32_t> lost;
  for (std::int64_t i = 0; i < graph.base.nodes(); ++i) {
    if (!reach.has(static_cast<std::int32_t>(i))) lost.push_back(static_cast<std::int32_t>(i));
  }
  while (!lost.empty()) {
    Linking<Real> linking(graph.base, every, points, {}, threads, progress);
    const auto found = near(graph, lost, linking, progress);
    bool any = false;
    for (std::size_t i = 0; i < lost.size(); ++i) {
      if (reach.has(lost[i])) continue;
      const auto from = std::find_if(found[i].begin(), found[i].end(), [&](std::int32_t node) {
        return node != lost[i] && reach.has(node) && graph.base.count(node) < graph.base.degree();
      });
      if (from == found[i].end()) continue;
      graph.base.row(*from)[graph.base.count(*from)] = lost[i];
      reach.add(graph.base, lost[i]);
      any = true;
    }
    std::erase_if(lost, [&](std::int32_t node) { return reach.has(node); });
    if (!any && !lost.empty()) graph.base = wider(graph.base);
  }
}

}  // namespace

template <class Real>
Links navigable(const KnnTable<Real>& table, const Graph& above, std::int64_t degree, const GraphPoints& points,
                const Pruning& pruning, int threads, Progress& progress) {
  Links links(table.nodes(), degree);
  const std::vector<std::int32_t> every;
  Linking<Real> linking(links, every, points, pruning, threads, progress);
  linking.each(table.nodes(), kNodesPerTask, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const std::byte* query = linking.prepare(static_cast<std::int32_t>(i), worker);
    links.set(i, linking.choose(query, table.row(i), static_cast<std::size_t>(table.count(i)), degree, worker));
    progress.poll();
  });
  std::vector<Return> returns;
  for (std::int64_t i = 0; i < table.nodes(); ++i) {
    const std::int32_t* row = links.row(i);
    for (std::int64_t j = 0; j < links.count(i); ++j) returns.push_back({row[j], static_cast<std::int32_t>(i)});
  }
  if (!above.layers.empty()) {
    const Layer& layer = above.layers.front();
    for (std::size_t i = 0; i < layer.below.size(); ++i) {
      const std::int32_t* row = layer.links.row(static_cast<std::int64_t>(i));
      const std::int64_t count = layer.links.count(static_cast<std::int64_t>(i));
      for (std::int64_t j = 0; j < count; ++j) returns.push_back({layer.below[i], layer.below[row[j]]});
    }
  }
  linking.link_back(returns);
  return links;
}

template Links navigable(const KnnTable<float>&, const Graph&, std::int64_t, const GraphPoints&, const Pruning&, int,
                         Progress&);
template Links navigable(const KnnTable<double>&, const Graph&, std::int64_t, const GraphPoints&, const Pruning&, int,
                         Progress&);

void make_reachable(Graph& graph, const GraphPoints& points, int threads, Progress& progress) {
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    make_reachable_as<float>(graph, points, threads, progress);
  } else {
    make_reachable_as<double>(graph, points, threads, progress);
  }
}

}  // namespace anear
