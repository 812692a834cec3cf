#include "graph/grow.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/chance.h"
#include "graph/put_together.h"

namespace anear {
namespace {

// A batch is a share of what is there already: the nodes that its members miss are few. Large ones are a smaller share.
constexpr std::int64_t kShare = 10, kLargeShare = 100;
constexpr std::int64_t kLargeBatch = 2048, kLargestBatch = 8192;
constexpr std::int64_t kNewcomersPerTask = 8;

std::int64_t largest_batch(std::int64_t there) {
  const std::int64_t large = std::clamp(there / kLargeShare, kLargeBatch, kLargestBatch);
  return std::clamp<std::int64_t>(there / kShare, 1, large);
}

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
      const std::size_t count = std::min(static_cast<std::size_t>(largest_batch(there)), newcomers.size() - done);
      insert(newcomers, done, count);
      done += count;
    }
  }

 private:
  using Worker = LinkWorker<Real>;

  // Newcomers `done` ... `done` + `count` - 1.
  void insert(const std::vector<std::int32_t>& newcomers, std::size_t done, std::size_t count) {
    std::vector<std::vector<std::int32_t>> chosen(count);
    const std::vector<std::int32_t> order =
        put_together(newcomers.data() + done, static_cast<std::int64_t>(count), linking_);
    linking_.each(static_cast<std::int64_t>(count), kNewcomersPerTask, [&](std::int64_t turn, Worker& worker) {
      const std::int32_t i = order[turn];
      const std::int32_t newcomer = newcomers[done + i];
      worker.entries.clear();
      for (std::int64_t j = 0; j < growth_.attempts; ++j) {
        const std::uint64_t drawn = static_cast<std::uint64_t>(newcomer) << 12 | static_cast<std::uint64_t>(j);
        worker.entries.push_back(newcomers[chance_below(growth_.seed, drawn, static_cast<std::int64_t>(done))]);
      }
      chosen[i] = neighbours(newcomer, worker);
      progress_.poll();
    });
    std::vector<Return> returns;
    for (std::size_t i = 0; i < count; ++i) {
      linking_.set(newcomers[done + i], chosen[i]);
      for (const std::int32_t target : chosen[i]) returns.push_back({target, newcomers[done + i]});
    }
    linking_.link_back(returns);
    if (growth_.living != nullptr) {
      growth_.living->reach.settle(draft_, newcomers.data() + done, static_cast<std::int64_t>(count));
      draft_.write(growth_.living->gate, growth_.living->sources);
    }
    progress_.advance(static_cast<std::int64_t>(count));
    progress_.poll();
  }

  // A newcomer's; the walk to them begins at the worker's entries, if there are any.
  const std::vector<std::int32_t>& neighbours(std::int32_t newcomer, Worker& worker) {
    const std::byte* query = linking_.prepare(newcomer, worker);
    Walk<Real>& walk = worker.walk;
    const auto width = static_cast<std::size_t>(growth_.width);
    const Graph& above = growth_.above;
    const void* asked = linking_.walker(newcomer, query, worker);
    if (worker.entries.empty() && above.layers.empty()) worker.entries = above.entries;
    if (worker.entries.empty()) {
      worker.entries = {descend<Real>(std::span(above.layers).subspan(growth_.from), above.top, asked, walk)};
    }
    linking_.of_nodes(worker);
    walk.scorer.at(asked);
    walk.run(links_, worker.entries.data(), static_cast<std::int64_t>(worker.entries.size()), width);
    walk.scorer.through(nullptr);
    worker.spots.assign(walk.beam.begin(), walk.beam.end());
    // A walk may meet the newcomer itself where it is an entry.
    std::erase_if(worker.spots, [&](const Spot<Real>& spot) { return spot.node == newcomer; });
    if (asked != query) {  // values of codes
      worker.ids.clear();
      for (const Spot<Real>& spot : worker.spots) worker.ids.push_back(spot.node);
      linking_.sort_from(query, worker.ids, worker);
    }
    const std::int64_t most = std::min(growth_.neighbours, links_.degree());  // some levels have shorter rows
    const bool left_out = linking_.few_copies(newcomer, query, most, worker);
    // Where a walk found little but copies, these know who else is near.
    const bool alone = left_out && static_cast<std::int64_t>(worker.spots.size()) < most;
    if (alone || growth_.pruning.rule == Rule::ranked) extend(newcomer, query, worker);
    return linking_.choose(newcomer, query, most, worker);
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
