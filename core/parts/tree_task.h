// A search's tasks: what one holds while it answers its queries, and how all of them are run. For the files of
// TreeSearch alone.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/spares.h"
#include "parts/count_descent.h"
#include "parts/list_descent.h"
#include "parts/rounds.h"
#include "parts/tree_search.h"
#include "result/few.h"
#include "result/within.h"

namespace anear {

// How far the exact table, which decides, may be off from the rank: no farther than the filter, whose margin allows for
// what the exact table makes of the rank, in float64.
inline Margin reference(const Estimate& filter, const Margin& points, double offset) {
  return {points.slack + filter.offset_error(offset), points.relative};
}

// Queries of one task, next to each other, in all their forms.
template <class Real>
struct TreeSearch::Task {
  Computed computed;
  Visits visits;
  const PointId* order = nullptr;  // of the queries
  std::int64_t count = 0;
  AlignedArray<std::byte> rows;
  PreparedQueries search, bound, upper, exact;
  Descent<Real> descent;
  CountDescent<Real> counting;
  SumDescent summing;
  LimitRules<Real> rules;
  std::array<Leaders<Real>, Descent<Real>::kTogether> leaders;
  Rounds<Real> rounds;
  std::array<Admission, Descent<Real>::kTogether> admissions;
  Few<Real> few;
  Nearest<Real> nearest;
  ListDescent<Real> listing;
  ListAnswer::Part list;
  JoinAnswer::Part pairs;
  std::vector<PointId> undecided;
  std::vector<double> distances;
  std::vector<Neighbor> close;
  Within<Real> within;
  Counter<Real> counter;
  std::vector<RadiusLimits<Real>> limits;
  // The last limits that were worked out, for which radius and what of it: most calls have one radius for all.
  RadiusLimits<Real> kept{};
  double kept_rank = std::numeric_limits<double>::quiet_NaN(), kept_sure_rank = 0;
  Sure kept_sure = Sure::nothing;
};

template <class Real>
void TreeSearch::visited(const Visits& visits, Task<Real>& task) const {
  task.visits += visits;
  task.computed.scanned += visits.leaves * space_.search().block;
}

// Whether a query is to be left unanswered after a descent.
inline bool TreeSearch::gives_up(const SearchRequest& request, std::int64_t query, const Budget& budget,
                                 const Visits& visits) {
  const bool gives_up = budget.node > 0 && budget.spent(visits) >= budget.most;
  if (request.effort == nullptr) return gives_up;
  const std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const auto effort = static_cast<std::int32_t>(std::min(Budget{most, Budget::kNode}.spent(visits), most));
  request.effort[query] = gives_up ? -effort : effort;
  return gives_up;
}

template <class Real>
void TreeSearch::prepare(const Rows& queries, const PointId* ids, std::int64_t count, bool counting,
                         Task<Real>& task) const {
  task.order = ids;
  task.count = count;
  task.kept_rank = std::numeric_limits<double>::quiet_NaN();  // another index may have had this task
  const Rows rows = fetch_rows(queries, ids, 0, count, task.rows);
  task.search.prepare(space_.search(), space_.filter.parameters.data(), rows, 0, count, count);
  task.bound.prepare(bound_.kernels(), bound_.parameters.data(), rows, 0, count, count);
  if (counting && upper_) task.upper.prepare(upper_->kernels(), upper_->parameters.data(), rows, 0, count, count);
  task.exact.prepare(space_.exact(), space_.exact_parameters.data(), rows, 0, count, count);
}

// search(query, i, task) answers query `query`, the i-th of the task; done(first, count, task) takes what a task has
// found of the queries order[first] and on.
template <class Real, class Search, class Done>
void TreeSearch::run(const SearchRequest& request, const std::vector<PointId>& order, double nanoseconds, bool counting,
                     Progress& progress, const Search& search, const Done& done) const {
  constexpr std::int64_t kQueriesPerTask = 128;  // their prepared form stays in the first-level cache
  constexpr std::int64_t kDistancesBetweenPolls = 20'000;
  constexpr double kKeptNanoseconds = 60e3;  // a search that takes longer (k in the thousands) may allocate
  constexpr std::int64_t kFew = 32, kFewNumbers = 1 << 14;  // queries, and what they hold, whose scratch is small
  constexpr double kNanosecondsWorthAThread = 100e3;        // of searching
  const std::int64_t queries = request.queries.count;
  const double worth = std::max(1.0, nanoseconds * static_cast<double>(queries) / kNanosecondsWorthAThread);
  const int threads = worth < request.threads ? static_cast<int>(worth) : request.threads;
  const std::int64_t per_task =  // one thread has nobody to share with, and queries of a task go down together
      std::clamp<std::int64_t>(threads == 1 ? queries : queries / (4 * threads), 1, kQueriesPerTask);
  progress.start(queries);
  const auto work = [&](std::int64_t number, Task<Real>& task) {
    const std::int64_t first = number * per_task, count = std::min(per_task, queries - first);
    prepare(request.queries, order.data() + first, count, counting, task);
    for (std::int64_t i = 0, polled = 0; i < count; ++i) {
      search(order[first + i], i, task);
      const std::int64_t computed = task.computed.scanned + task.computed.exact;
      if (computed - polled < kDistancesBetweenPolls) continue;
      polled = computed;
      progress.poll();
    }
    done(first, count, task);
    progress.advance(count);
    progress.count(task.computed);
    progress.visit(task.visits);
    task.computed = {};
    task.visits = {};
  };
  // Few queries at a time must not pay for allocations: their scratch stays with the thread. While in use it is taken
  // away, for a progress callback may start another search.
  const bool few = queries == 1 || (queries <= kFew && queries * request.queries.columns <= kFewNumbers);
  if (few && threads == 1 && static_cast<double>(queries) * nanoseconds < kKeptNanoseconds) {
    static thread_local std::unique_ptr<Task<Real>> kept;
    auto task = kept ? std::move(kept) : std::make_unique<Task<Real>>();
    work(0, *task);
    kept = std::move(task);
    return;
  }
  Spares<Task<Real>> spares;
  parallel_for((queries + per_task - 1) / per_task, threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    work(number, *task);
    spares.give(std::move(task));
  });
}

template <class Real>
ExactQuery TreeSearch::exact(std::int64_t i, const Task<Real>& task) const {
  return {space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i)};
}

}  // namespace anear
