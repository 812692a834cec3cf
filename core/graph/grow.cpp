#include "graph/grow.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/spares.h"
#include "graph/choose.h"
#include "graph/walk.h"

namespace anear {
namespace {

// A batch is a share of what is there already: the nodes that its members miss are few.
constexpr std::int64_t kShare = 10;
constexpr std::int64_t kLargestBatch = 2048;
constexpr std::int64_t kNewcomersPerTask = 8;
constexpr std::int64_t kTargetsPerTask = 16;

// A link that a newcomer asks for at a node it has chosen.
struct Return {
  std::int32_t target, source;
  friend bool operator<(const Return& a, const Return& b) {
    return a.target < b.target || (a.target == b.target && a.source < b.source);
  }
};

template <class Real>
struct Worker {
  Walk<Real> walk;
  Chooser<Real> chooser;
  PreparedQueries query;
  std::vector<Spot<Real>> spots;
  std::vector<std::int32_t> ids;
  std::int64_t reported = 0;
};

template <class Real>
class Grower {
 public:
  Grower(Links& links, const std::vector<std::int32_t>& nodes, const GraphPoints& points, const Growth& growth,
         const std::vector<Layer>& above, std::int32_t top, int threads, Progress& progress)
      : links_(links),
        nodes_(nodes),
        points_(points),
        growth_(growth),
        above_(above),
        top_(top),
        threads_(threads),
        progress_(progress) {}

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
  template <class Body>
  void each(std::int64_t count, std::int64_t per_task, const Body& body) {
    parallel_for((count + per_task - 1) / per_task, threads_, progress_, [&](std::int64_t task) {
      auto worker = spares_.take();
      worker->walk.scorer.reset(points_.estimate, points_.rows);
      worker->walk.scorer.of(nodes_.empty() ? nullptr : nodes_.data());
      for (std::int64_t i = task * per_task; i < std::min(count, (task + 1) * per_task); ++i) body(i, *worker);
      progress_.count({worker->walk.scorer.computed() - worker->reported, 0});
      worker->reported = worker->walk.scorer.computed();
      spares_.give(std::move(worker));
    });
  }

  const void* prepare(std::int32_t node, Worker<Real>& worker) const {
    const std::int32_t point = nodes_.empty() ? node : nodes_[node];
    const Estimate& estimate = points_.estimate;
    worker.query.prepare(estimate.kernels(), estimate.parameters.data(), points_.objects, point, 1, 1);
    return worker.query.query(0);
  }

  const std::vector<std::int32_t>& choose(const Spot<Real>* spots, std::size_t count, std::int64_t most,
                                          Worker<Real>& worker) const {
    return worker.chooser(spots, count, static_cast<std::size_t>(most), points_.estimate, points_.objects, nodes_,
                          worker.walk.scorer);
  }

  void insert(const std::int32_t* newcomers, std::int64_t count) {
    std::vector<std::vector<std::int32_t>> chosen(count);
    each(count, kNewcomersPerTask, [&](std::int64_t i, Worker<Real>& worker) {
      const void* query = prepare(newcomers[i], worker);
      const std::int32_t entry = descend(above_, top_, query, worker.walk);
      worker.walk.scorer.of(nodes_.empty() ? nullptr : nodes_.data());
      worker.walk.run(links_, entry, static_cast<std::size_t>(growth_.width));
      const Beam<Real>& beam = worker.walk.beam;
      chosen[i] = choose(beam.begin(), beam.size(), growth_.neighbours, worker);
      progress_.poll();
    });
    std::vector<Return> returns;
    for (std::int64_t i = 0; i < count; ++i) {
      links_.set(newcomers[i], chosen[i]);
      for (const std::int32_t target : chosen[i]) returns.push_back({target, newcomers[i]});
    }
    std::sort(returns.begin(), returns.end());
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < returns.size(); ++i) {
      if (i == 0 || returns[i].target != returns[i - 1].target) starts.push_back(i);
    }
    starts.push_back(returns.size());
    each(static_cast<std::int64_t>(starts.size()) - 1, kTargetsPerTask, [&](std::int64_t i, Worker<Real>& worker) {
      link(returns.data() + starts[i], static_cast<std::int64_t>(starts[i + 1] - starts[i]), worker);
    });
    progress_.advance(count);
    progress_.poll();
  }

  // Adds to one node the links that it is asked for; where they are too many, all are chosen from anew.
  void link(const Return* returns, std::int64_t count, Worker<Real>& worker) {
    const std::int32_t target = returns->target;
    std::int32_t* row = links_.row(target);
    const std::int64_t there = links_.count(target);
    if (there + count <= links_.degree()) {
      for (std::int64_t i = 0; i < count; ++i) row[there + i] = returns[i].source;
      return;
    }
    worker.ids.assign(row, row + there);
    for (std::int64_t i = 0; i < count; ++i) worker.ids.push_back(returns[i].source);
    worker.walk.scorer.at(prepare(target, worker));
    const Real* values = worker.walk.scorer(worker.ids.data(), there + count);
    worker.spots.clear();
    for (std::size_t i = 0; i < worker.ids.size(); ++i) {
      if (values[i] == values[i]) worker.spots.push_back({values[i], worker.ids[i]});
    }
    std::sort(worker.spots.begin(), worker.spots.end());
    links_.set(target, choose(worker.spots.data(), worker.spots.size(), links_.degree(), worker));
  }

  Links& links_;
  const std::vector<std::int32_t>& nodes_;
  const GraphPoints& points_;
  const Growth& growth_;
  const std::vector<Layer>& above_;
  std::int32_t top_;
  int threads_;
  Progress& progress_;
  Spares<Worker<Real>> spares_;
};

}  // namespace

void grow(Links& links, const std::vector<std::int32_t>& nodes, const std::vector<std::int32_t>& newcomers,
          std::int64_t settled, const GraphPoints& points, const Growth& growth, const std::vector<Layer>& above,
          std::int32_t top, int threads, Progress& progress) {
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    Grower<float>(links, nodes, points, growth, above, top, threads, progress).run(newcomers, settled);
  } else {
    Grower<double>(links, nodes, points, growth, above, top, threads, progress).run(newcomers, settled);
  }
}

}  // namespace anear
