#include "graph/navigable.h"

#include <algorithm>
#include <vector>

namespace anear {
namespace {

constexpr std::int64_t kNodesPerTask = 16;

}  // namespace

template <class Real>
Links navigable(const KnnTable<Real>& table, const Graph& above, std::int64_t degree, const GraphPoints& points,
                const Pruning& pruning, int threads, Progress& progress) {
  Links links(table.nodes(), degree);
  const std::vector<std::int32_t> every;
  Linking<Real> linking(links, every, points, pruning, threads, progress);
  linking.each(table.nodes(), kNodesPerTask, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const std::byte* query = linking.prepare(static_cast<std::int32_t>(i), worker);
    worker.spots.assign(table.row(i), table.row(i) + table.count(i));
    links.set(i, linking.choose(static_cast<std::int32_t>(i), query, degree, worker));
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

}  // namespace anear
