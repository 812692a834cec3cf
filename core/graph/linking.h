// Setting links in parallel: every node's row belongs to one task.
#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "base/chance.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "graph/choose.h"
#include "graph/draft.h"
#include "graph/links.h"
#include "graph/walk.h"

namespace anear {

// The points of a graph, as queries and as what queries are compared with.
struct GraphPoints {
  const Estimate& estimate;
  const RowPoints& rows;
  const Rows& objects;
  const PointQueries& queries;
  const RowForm& form;
  const Codes* codes = nullptr;  // walks may go through these; null: through the rows

  std::int64_t count() const { return objects.count; }
};

// A link that a node asks for at a node that it has chosen.
struct Return {
  std::int32_t target, source;
  friend auto operator<=>(const Return&, const Return&) = default;
};

// Scratch of one task.
template <class Real>
struct LinkWorker {
  Walk<Real> walk;
  Chooser<Real> chooser;
  PreparedQueries query, coded;
  CodeQuery code;
  std::vector<Spot<Real>> spots;
  std::vector<std::int32_t> ids, entries;
  std::int64_t reported = 0;
};

template <class Real>
class Linking {
 public:
  using Worker = LinkWorker<Real>;

  // `nodes`: the point that each node of `links` stands for; empty: node i is point i.
  Linking(Links& links, const std::vector<std::int32_t>& nodes, const GraphPoints& points, const Pruning& pruning,
          int threads, Progress& progress)
      : links_(links), nodes_(nodes), points_(points), pruning_(pruning), threads_(threads), progress_(progress) {}

  // Rows are drafted from now on, and not written; null: written.
  void into(Draft* draft) { draft_ = draft; }

  // Sets a node's neighbours. From a task only where the node's row belongs to it, and was opened before.
  void set(std::int32_t node, const std::vector<std::int32_t>& neighbours) {
    if (draft_ == nullptr) {
      links_.set(node, neighbours);
    } else {
      draft_->set(draft_->open(node), neighbours);
    }
  }

  // body(i, worker) for i below `count`.
  template <class Body>
  void each(std::int64_t count, std::int64_t per_task, const Body& body) {
    parallel_for((count + per_task - 1) / per_task, threads_, progress_, [&](std::int64_t task) {
      auto worker = spares_.take();
      worker->walk.scorer.reset(points_.estimate, points_.rows);
      of_nodes(*worker);
      for (std::int64_t i = task * per_task; i < std::min(count, (task + 1) * per_task); ++i) body(i, *worker);
      progress_.count({worker->walk.scorer.computed() - worker->reported, 0});
      worker->reported = worker->walk.scorer.computed();
      spares_.give(std::move(worker));
    });
  }

  // The worker's values are those of nodes of these links.
  void of_nodes(Worker& worker) const { worker.walk.scorer.of(nodes_.empty() ? nullptr : nodes_.data()); }

  const std::byte* prepare(std::int32_t node, Worker& worker) const {
    return points_.queries.at(nodes_.empty() ? node : nodes_[node], worker.query);
  }

  // The query that a walk of this node is to be at: through codes, if there are any.
  const void* walker(std::int32_t node, const std::byte* query, Worker& worker) const {
    worker.walk.scorer.through(points_.codes);
    if (points_.codes == nullptr) return query;
    const CodeForm& form = points_.codes->form();
    const std::int32_t point = nodes_.empty() ? node : nodes_[node];
    worker.coded.prepare(form.table->kernels(), form.parameters.data(), points_.objects, point, 1, 1);
    points_.codes->prepare(worker.coded, 0, worker.code);
    return &worker.code;
  }

  // At most `most` of the worker's spots, which are sorted, for the node that `query` is.
  const std::vector<std::int32_t>& choose(std::int32_t node, const std::byte* query, std::int64_t most,
                                          Worker& worker) const {
    few_copies(node, query, most, worker);
    return worker.chooser(pruning_, worker.spots.data(), worker.spots.size(), static_cast<std::size_t>(most),
                          points_.queries.offset<Real>(query), points_.queries, nodes_, worker.walk.scorer);
  }

  // The worker's ids, which were chosen before, and of its spots so many more that there are `most`.
  const std::vector<std::int32_t>& choose_beside(std::int32_t node, const std::byte* query, std::int64_t most,
                                                 Worker& worker) const {
    few_copies(node, query, most, worker);
    return worker.chooser.beside(worker.ids, pruning_, worker.spots.data(), worker.spots.size(),
                                 static_cast<std::size_t>(most), points_.queries.offset<Real>(query), points_.queries,
                                 nodes_, worker.walk.scorer);
  }

  // Copies of a node are nearer than all others, and links to nothing else would make an island of them. So of many
  // copies among the worker's spots a few stay, drawn by chance: each is then chosen by some. Returns whether any went.
  bool few_copies(std::int32_t node, const std::byte* query, std::int64_t most, Worker& worker) const {
    worker.walk.scorer.at(query);
    const Real own = *worker.walk.scorer(&node, 1);
    auto& spots = worker.spots;
    const auto first = std::partition_point(spots.begin(), spots.end(), [&](const auto& s) { return s.value < own; });
    const auto last = std::partition_point(first, spots.end(), [&](const auto& s) { return s.value == own; });
    const auto few = std::max<std::int64_t>(most / kOneCopyIn, 2);
    if (last - first <= few) return false;
    for (std::int64_t i = 0; i < few; ++i) {
      std::swap(first[i], first[i + chance_below(static_cast<std::uint64_t>(node), i, last - first - i)]);
    }
    std::sort(first, first + few);
    spots.erase(first + few, last);
    return true;
  }

  // The worker's spots: these nodes, as seen from `query`, sorted.
  void sort_from(const std::byte* query, const std::vector<std::int32_t>& ids, Worker& worker) const {
    worker.walk.scorer.at(query);
    worker.spots.clear();
    if (ids.empty()) return;
    const Real* values = worker.walk.scorer(ids.data(), static_cast<std::int64_t>(ids.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (values[i] == values[i]) worker.spots.push_back({values[i], ids[i]});
    }
    std::sort(worker.spots.begin(), worker.spots.end());
  }

  // Adds all these links; where a node gets more than its row holds, all of its neighbours are chosen from anew.
  void link_back(std::vector<Return>& returns) {
    std::sort(returns.begin(), returns.end());
    returns.erase(std::unique(returns.begin(), returns.end()), returns.end());  // two levels may ask for the same
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < returns.size(); ++i) {
      if (i == 0 || returns[i].target != returns[i - 1].target) starts.push_back(i);
    }
    if (draft_ != nullptr) {
      for (const std::size_t start : starts) draft_->open(returns[start].target);
    }
    starts.push_back(returns.size());
    each(static_cast<std::int64_t>(starts.size()) - 1, kTargetsPerTask, [&](std::int64_t i, Worker& worker) {
      link(returns.data() + starts[i], static_cast<std::int64_t>(starts[i + 1] - starts[i]), worker);
    });
  }

 private:
  static constexpr std::int64_t kTargetsPerTask = 16;
  static constexpr std::int64_t kOneCopyIn = 4;  // links

  void link(const Return* returns, std::int64_t count, Worker& worker) {
    const std::int32_t target = returns->target;
    const std::int32_t* row = draft_ == nullptr ? links_.row(target) : draft_->row(target);
    const std::int64_t there = draft_ == nullptr ? links_.count(target) : draft_->count(target);
    worker.ids.assign(row, row + there);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int32_t source = returns[i].source;
      if (std::find(row, row + there, source) == row + there) worker.ids.push_back(source);
    }
    if (static_cast<std::int64_t>(worker.ids.size()) <= links_.degree()) return set(target, worker.ids);
    const std::byte* query = prepare(target, worker);
    sort_from(query, worker.ids, worker);
    set(target, choose(target, query, links_.degree(), worker));
  }

  Links& links_;
  const std::vector<std::int32_t>& nodes_;
  const GraphPoints& points_;
  const Pruning pruning_;
  int threads_;
  Progress& progress_;
  Draft* draft_ = nullptr;
  Spares<Worker> spares_;
};

}  // namespace anear
