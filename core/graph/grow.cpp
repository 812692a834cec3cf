#include "graph/grow.h"

#include <algorithm>
#include <span>

namespace anear {
namespace {

// A batch is a share of what is there already: the nodes that its members miss are few.
constexpr std::int64_t kShare = 10;
constexpr std::int64_t kLargestBatch = 2048;
constexpr std::int64_t kNewcomersPerTask = 8;

template <class Real>
class Grower {
 public:
  Grower(Links& links, const std::vector<std::int32_t>& nodes, const GraphPoints& points, const Growth& growth,
         int threads, Progress& progress)
      : links_(links),
        growth_(growth),
        progress_(progress),
        draft_(links),
        linking_(links, nodes, points, growth.pruning, threads, progress) {
    if (growth.living != nullptr) linking_.into(&draft_);
  }

  void run(const std::vector<std::int32_t>& newcomers, std::int64_t settled) {
    progress_.start(static_cast<std::int64_t>(newcomers.size()));
    std::size_t done = 0;
    if (settled == 0) done = 1;  // the first has nobody to link to
    while (done < newcomers.size()) {
      const std::int64_t there = settled + static_cast<std::int64_t>(done);
      const auto batch = static_cast<std::size_t>(std::clamp<std::int64_t>(there / kShare, 1, kLargestBatch));
      const std::size_t count = std::min(batch, newcomers.size() - done);
      insert(newcomers.data() + done, static_cast<std::int64_t>(count));
      done += count;
    }
  }

 private:
  using Worker = LinkWorker<Real>;

  void insert(const std::int32_t* newcomers, std::int64_t count) {
    std::vector<std::vector<std::int32_t>> chosen(count);
    linking_.each(count, kNewcomersPerTask, [&](std::int64_t i, Worker& worker) {
      chosen[i] = neighbours(newcomers[i], worker);
      progress_.poll();
    });
    std::vector<Return> returns;
    for (std::int64_t i = 0; i < count; ++i) {
      linking_.set(newcomers[i], chosen[i]);
      for (const std::int32_t target : chosen[i]) returns.push_back({target, newcomers[i]});
    }
    linking_.link_back(returns);
    if (growth_.living != nullptr) {
      growth_.living->reach.settle(draft_, newcomers, count);
      draft_.write(growth_.living->gate);
    }
    progress_.advance(count);
    progress_.poll();
  }

  const std::vector<std::int32_t>& neighbours(std::int32_t newcomer, Worker& worker) {
    const std::byte* query = linking_.prepare(newcomer, worker);
    Walk<Real>& walk = worker.walk;
    const auto width = static_cast<std::size_t>(growth_.width);
    const Graph& above = growth_.above;
    const std::int32_t entry = descend<Real>(std::span(above.layers).subspan(growth_.from), above.top,
                                             linking_.walker(newcomer, query, worker), walk);
    linking_.of_nodes(worker);
    if (above.layers.empty() && !above.entries.empty()) {
      walk.run(links_, above.entries.data(), static_cast<std::int64_t>(above.entries.size()), width);
    } else {
      walk.run(links_, &entry, 1, width);
    }
    walk.scorer.through(nullptr);
    worker.ids.clear();
    for (const Spot<Real>& spot : walk.beam) {
      // A walk may meet the newcomer itself where it is an entry.
      if (spot.node != newcomer) worker.ids.push_back(spot.node);
    }
    linking_.sort_from(query, worker.ids, worker);
    if (growth_.pruning.rule == Rule::ranked) extend(newcomer, query, worker);
    return linking_.choose(query, worker.spots.data(), worker.spots.size(), growth_.neighbours, worker);
  }

  // The candidates' neighbours are candidates as well.
  void extend(std::int32_t newcomer, const std::byte* query, Worker& worker) {
    worker.ids.clear();
    for (const Spot<Real>& spot : worker.spots) {
      const std::int32_t* row = links_.row(spot.node);
      worker.ids.push_back(spot.node);
      worker.ids.insert(worker.ids.end(), row, row + links_.count(spot.node));
    }
    std::sort(worker.ids.begin(), worker.ids.end());
    worker.ids.erase(std::unique(worker.ids.begin(), worker.ids.end()), worker.ids.end());
    std::erase(worker.ids, newcomer);
    linking_.sort_from(query, worker.ids, worker);
  }

  Links& links_;
  const Growth& growth_;
  Progress& progress_;
  Draft draft_;  // where rows are written while others search
  Linking<Real> linking_;
};

}  // namespace

void grow(Links& links, const std::vector<std::int32_t>& nodes, const std::vector<std::int32_t>& newcomers,
          std::int64_t settled, const GraphPoints& points, const Growth& growth, int threads, Progress& progress) {
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    Grower<float>(links, nodes, points, growth, threads, progress).run(newcomers, settled);
  } else {
    Grower<double>(links, nodes, points, growth, threads, progress).run(newcomers, settled);
  }
}

}  // namespace anear
