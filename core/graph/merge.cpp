#include "graph/merge.h"

#include <algorithm>

namespace anear {
namespace {

constexpr std::int64_t kNodesPerTask = 16;

template <class Real>
void merge_as(const Links& one, const Links& other, Links& both, const GraphPoints& points, const Pruning& pruning,
              int threads, Progress& progress) {
  const std::vector<std::int32_t> every;
  Linking<Real> linking(both, every, points, pruning, threads, progress);
  linking.each(one.nodes(), kNodesPerTask, [&](std::int64_t i, LinkWorker<Real>& worker) {
    const auto node = static_cast<std::int32_t>(i);
    worker.ids.assign(one.row(i), one.row(i) + one.count(i));
    worker.ids.insert(worker.ids.end(), other.row(i), other.row(i) + other.count(i));
    std::sort(worker.ids.begin(), worker.ids.end());
    worker.ids.erase(std::unique(worker.ids.begin(), worker.ids.end()), worker.ids.end());
    if (static_cast<std::int64_t>(worker.ids.size()) <= both.degree()) {
      both.set(i, worker.ids);
      return;
    }
    const std::byte* query = linking.prepare(node, worker);
    linking.sort_from(query, worker.ids, worker);
    both.set(i, linking.choose(node, query, both.degree(), worker));
    progress.poll();
  });
}

}  // namespace

Links merge(const Links& one, const Links& other, std::int64_t most, const GraphPoints& points, const Pruning& pruning,
            int threads, Progress& progress) {
  Links both(one.nodes(), most);
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    merge_as<float>(one, other, both, points, pruning, threads, progress);
  } else {
    merge_as<double>(one, other, both, points, pruning, threads, progress);
  }
  return both;
}

}  // namespace anear
