#include "parts/tree_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/spares.h"
#include "parts/count_descent.h"
#include "parts/curve.h"
#include "parts/list_descent.h"
#include "result/nearest.h"
#include "result/within.h"

namespace anear {
namespace {

constexpr std::int64_t kQueriesPerTask = 128;  // their prepared form stays in the first-level cache
constexpr std::int64_t kWorthOrdering = 64;    // queries
constexpr std::int64_t kNear = 3 << 19;        // bytes that a second-level cache nearly holds, in whatever order
constexpr std::int64_t kDistancesBetweenPolls = 20'000;
constexpr double kKeptNanoseconds = 60e3;  // a search that takes longer (k in the thousands) may allocate
constexpr std::int64_t kFew = 32, kFewNumbers = 1 << 14;  // queries, and what they hold, whose scratch is small
constexpr double kNanosecondsWorthAThread = 100e3;        // of searching

// How far the exact table, which decides, may be off from the rank: no farther than the filter, whose margin allows for
// what the exact table makes of the rank, in float64.
Margin reference(const Estimate& filter, const Margin& points, double offset) {
  return {points.slack + filter.offset_error(offset), points.relative};
}

}  // namespace

const std::vector<Parameter>& tree_search_parameters() {
  static const std::vector<Parameter> parameters{
      {"max_leaves", "int", 1, 0x1p53, 0x1p53, "stop after so many cells of one block each; the answer may miss some"},
      {"give_up", "int", 1, 0x1p53, 0x1p53,
       "leave a query unanswered that needs so many cells; one that holds others counts twice"}};
  return parameters;
}

TreeSearch::TreeSearch(const Rows& rows, Space space, Estimate bound, std::optional<Estimate> upper,
                       std::vector<PointId> order, Hierarchy hierarchy, PackedPoints points)
    : rows_(rows),
      space_(std::move(space)),
      bound_(std::move(bound)),
      upper_(std::move(upper)),
      order_(std::move(order)),
      block_(static_cast<std::int32_t>(space_.search().block)),
      hierarchy_(std::move(hierarchy)),
      points_(std::move(points)),
      cells_{hierarchy_, bound_, points_, space_.filter, order_.data(), size()} {
  constexpr std::int64_t kFewColumns = 16;  // of more, a turned row lies in more cache lines than a row
  const KernelTable& table = space_.search();
  const std::int64_t bytes = rows_.row_bytes() / rows_.columns;
  const int shift = std::countr_zero(static_cast<std::uint32_t>(table.block));
  leaves_ = {order_.data(), nullptr, table.point_block_bytes, table.block, shift, rows_.columns, bytes};
  if (table.coordinates >= 0 && rows_.columns <= kFewColumns && (bytes == 4 || bytes == 8)) {
    leaves_.blocks = points_.block(0) + table.coordinates;
  }
}

std::int64_t TreeSearch::bytes() const {
  return points_.bytes() + hierarchy_.bytes() + static_cast<std::int64_t>(order_.size() * sizeof(order_[0]));
}

Budget TreeSearch::budget(const SearchRequest& request) {
  const auto most = static_cast<std::int64_t>(request.parameters[0]);
  const auto give_up = static_cast<std::int64_t>(request.parameters[1]);
  return give_up <= most ? Budget{give_up, Budget::kNode} : Budget{most};
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
template <class Real>
bool TreeSearch::gave_up(const SearchRequest& request, std::int64_t query, const Budget& budget, const Visits& visits,
                         Task<Real>& task) const {
  visited(visits, task);
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

// Near queries that are answered one after the other find the same cells in the caches.
bool TreeSearch::worth_ordering(const Rows& queries) const {
  return queries.count >= kWorthOrdering && bytes() > kNear;
}

// The order in which queries are answered.
std::vector<PointId> TreeSearch::query_order(const Rows& queries) const {
  if (worth_ordering(queries)) return curve_order(queries);
  std::vector<PointId> order(queries.count);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// search(query, i, task) answers query `query`, the i-th of the task; done(first, count, task) takes what a task has
// found of the queries order[first] and on.
template <class Real, class Search, class Done>
void TreeSearch::run(const SearchRequest& request, const std::vector<PointId>& order, double nanoseconds, bool counting,
                     Progress& progress, const Search& search, const Done& done) const {
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
LimitRules<Real> TreeSearch::rules(std::int64_t i, const Task<Real>& task) const {
  const Margin points = space_.filter.margin(task.search, i, points_.maxima());
  const Margin boxes = bound_.margin(task.bound, i, hierarchy_.maxima());
  const double offset = space_.filter.offset(task.search, i), other = bound_.offset(task.bound, i);
  const double error = space_.filter.offset_error(offset) + bound_.offset_error(other);
  const Margin answers = reference(space_.filter, points, offset);
  const Margin whole{points.slack + answers.slack, points.relative + answers.relative};
  return {limit_rule<Real>(whole, points), limit_rule<Real>(whole, boxes, other - offset, error)};
}

template <class Real>
std::span<const Neighbor> TreeSearch::nearest(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                              std::size_t k, const Budget& budget, Task<Real>& task) const {
  task.nearest.reset(task.leaders[i % Descent<Real>::kTogether], admission(request, query), exact(i, task));
  const Visits visits = task.descent.go_on(cells(), task.bound.query(i), task.search.query(i), i, budget, task.nearest);
  if (gave_up(request, query, budget, visits, task)) return {};
  const auto found = task.nearest.finish();
  task.computed.exact += task.nearest.computed();
  return task.nearest.doubtful() ? nearest_of_all(request, query, i, k, task) : found;
}

template <class Real>
std::span<const Neighbor> TreeSearch::nearest_of_all(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                                     std::size_t k, Task<Real>& task) const {
  Leaders<Real>& leaders = task.leaders[i % Descent<Real>::kTogether];
  leaders.reset(k, {});
  task.nearest.reset(leaders, admission(request, query), exact(i, task));
  for (std::int64_t id = 0; id < size(); ++id) task.nearest.add_unknown(static_cast<PointId>(id));
  const auto found = task.nearest.finish();
  task.computed.exact += task.nearest.computed();
  return found;
}

// Takes as many queries as go down together, from the i-th of a task on, to their leaves.
template <class Real>
void TreeSearch::begin(const SearchRequest& request, std::int64_t i, std::size_t k, Task<Real>& task) const {
  const std::int64_t count = std::min(Descent<Real>::kTogether, task.count - i);
  task.descent.start(cells(), task.bound, task.search, i, count);
  const bool fixed = space_.filter.fixed() && bound_.fixed();
  for (std::int64_t j = 0; j < count; ++j) {
    if (i + j == 0 || !fixed) task.rules = rules(i + j, task);
    task.leaders[j].reset(k, task.rules);
  }
  if (k <= Shortlist::kMost && !request.allow && !request.exclude) {
    task.descent.begin(cells(), task.search, count, task.leaders.data(), budget(request).most);
  }
}

void TreeSearch::knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  if (request.queries.count == 0 || answer.k == 0) return;
  const auto k = static_cast<std::size_t>(std::min(answer.k, size()));
  // Where nearly everything is an answer, or nearly nothing may be one, a descent only adds to the work.
  const bool everything = 4 * static_cast<std::int64_t>(k) > size();
  const Budget budget = TreeSearch::budget(request);
  const auto as = [&]<class Real>(const Real*) {
    run<Real>(request, 1000.0 + 50.0 * static_cast<double>(k), false, progress,
              [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
                constexpr std::int64_t kTogether = Descent<Real>::kTogether;
                if (i == 0) task.nearest.prepare(k, leaves_);
                if (i % kTogether == 0 && !everything) {
                  for (std::int64_t j = i; j < std::min(i + kTogether, task.count); ++j) answer.prefetch(task.order[j]);
                  begin(request, i, k, task);
                }
                answer.write(query, everything ? nearest_of_all(request, query, i, k, task)
                                               : nearest(request, query, i, k, budget, task));
              });
  };
  with_real(as);
}

template <class Real>
ExactQuery TreeSearch::exact(std::int64_t i, const Task<Real>& task) const {
  return {space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i)};
}

template <class Real>
const RadiusLimits<Real>& TreeSearch::limits(const RangeRequest& radii, std::int64_t radius, std::int64_t i, Sure sure,
                                             Task<Real>& task) const {
  const double rank = radii.radius_rank[radius], sure_rank = sure == Sure::nothing ? 0 : radii.sure_rank[radius];
  const bool fixed = space_.filter.fixed() && bound_.fixed() && (!upper_ || upper_->fixed());
  if (!fixed || rank != task.kept_rank || sure_rank != task.kept_sure_rank || sure != task.kept_sure) {
    task.kept = new_limits(radii, radius, i, sure, task);
    task.kept_rank = rank;
    task.kept_sure_rank = sure_rank;
    task.kept_sure = sure;
  }
  return task.kept;
}

template <class Real>
RadiusLimits<Real> TreeSearch::new_limits(const RangeRequest& radii, std::int64_t radius, std::int64_t i, Sure sure,
                                          const Task<Real>& task) const {
  const Margin points = space_.filter.margin(task.search, i, points_.maxima());
  const double own = space_.filter.offset(task.search, i);
  const Margin answers = reference(space_.filter, points, own);
  const double farthest = own + answers.largest_computed(radii.radius_rank[radius] - own);
  const auto largest = [&](const Estimate& estimate, const PreparedQueries& queries,
                           const std::vector<double>& maxima) {
    const double offset = estimate.offset(queries, i);
    const double rank = farthest - offset + estimate.offset_error(offset);
    return exclusive_limit<Real>(estimate.margin(queries, i, maxima).largest_computed(rank));
  };
  constexpr Real kNone = -std::numeric_limits<Real>::infinity();
  RadiusLimits<Real> limits{largest(space_.filter, task.search, points_.maxima()),
                            largest(bound_, task.bound, hierarchy_.maxima()), kNone, kNone};
  if (sure == Sure::nothing) return limits;
  const double rank = radii.sure_rank[radius] - own - space_.filter.offset_error(own);
  const double within = rank - answers.slack - answers.relative * std::abs(rank);
  limits.sure_points = inclusive_limit<Real>(points.surely_below(within));
  if (upper_ && sure == Sure::cells) {
    const double offset = upper_->offset(task.upper, i);
    const double roundings = 0x1p-50 * (std::abs(own) + std::abs(offset));
    const double below = within + own - offset - upper_->offset_error(offset) - roundings;
    limits.sure_nodes =
        inclusive_limit<Real>(upper_->margin(task.upper, i, hierarchy_.upper_maxima()).surely_below(below));
  }
  return limits;
}

RangeAnswer TreeSearch::range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const {
  std::vector<std::vector<Neighbor>> found(request.queries.count);
  const Budget allowed{static_cast<std::int64_t>(request.parameters[1]), Budget::kNode};
  const auto as = [&]<class Real>(const Real*) {
    run<Real>(request, 3000.0, false, progress, [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
      const auto& limits = this->limits(radii, query, i, Sure::nothing, task);
      task.within.reset(limits.points, limits.nodes, radii.radius[query], admission(request, query), exact(i, task));
      const Visits visits = task.descent.run(cells(), task.bound.query(i), task.search.query(i), allowed, task.within);
      if (gave_up(request, query, allowed, visits, task)) return;
      found[query] = task.within.finish();
      task.computed.exact += task.within.computed();
    });
  };
  if (request.queries.count > 0) with_real(as);
  return RangeAnswer(std::move(found));
}

template <class Real, class Take>
void TreeSearch::list_within(const RangeRequest& radii, std::int64_t radius, std::int64_t i, std::int64_t from,
                             bool exactly, Task<Real>& task, const Take& take) const {
  const RadiusLimits<Real> limits = this->limits(radii, radius, i, exactly ? Sure::nothing : Sure::points, task);
  task.undecided.clear();
  const auto found = [&](const PointId* ids, std::uint64_t inside, std::uint64_t close) {
    for (; inside != 0; inside &= inside - 1) take(ids[std::countr_zero(inside)]);
    for (; close != 0; close &= close - 1) task.undecided.push_back(ids[std::countr_zero(close)]);
  };
  visited(task.listing.run(cells(), task.bound.query(i), task.search.query(i), limits, from, found), task);
  task.close.clear();
  if (task.undecided.empty()) return;
  ExactQuery exact = this->exact(i, task);
  exact.append(task.undecided, task.distances, task.close);
  task.computed.exact += exact.computed();
  std::erase_if(task.close, [&](const Neighbor& n) { return !(n.distance <= radii.radius[radius]); });
}

ListAnswer TreeSearch::list(const SearchRequest& request, const RangeRequest& radii, bool distances,
                            Progress& progress) const {
  ListAnswer answer;
  std::mutex mutex;
  const auto as = [&]<class Real>(const Real*) {
    const auto search = [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
      ListAnswer::Part& list = task.list;
      const auto before = static_cast<std::ptrdiff_t>(list.ids.size());
      list_within(radii, query, i, 0, distances, task, [&](PointId id) { list.ids.push_back(id); });
      for (const Neighbor& neighbor : task.close) {
        list.ids.push_back(neighbor.id);
        if (distances) list.distances.push_back(neighbor.distance);
      }
      if (!distances) std::sort(list.ids.begin() + before, list.ids.end());
      list.queries.push_back(static_cast<PointId>(query));
      list.ends.push_back(static_cast<std::int64_t>(list.ids.size()));
    };
    const auto done = [&](std::int64_t, std::int64_t, Task<Real>& task) {
      const std::lock_guard lock(mutex);
      answer.parts.push_back(std::exchange(task.list, {}));
    };
    run<Real>(request, query_order(request.queries), 3000.0, false, progress, search, done);
  };
  if (request.queries.count > 0) with_real(as);
  return answer;
}

JoinAnswer TreeSearch::join(const SearchRequest& request, const RangeRequest& radii, bool distances,
                            Progress& progress) const {
  require(request.queries.count == size(), "a join is of all points");
  std::vector<PointId> places(size());
  for (std::int64_t place = 0; place < size(); ++place) places[order_[place]] = static_cast<PointId>(place);
  std::vector<std::pair<std::int64_t, JoinAnswer::Part>> parts;
  std::mutex mutex;
  const auto as = [&]<class Real>(const Real*) {
    const auto search = [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
      const auto own = static_cast<PointId>(query);
      auto& ids = task.pairs.ids;
      const auto take = [&](PointId id) { ids.insert(ids.end(), {std::min(own, id), std::max(own, id)}); };
      list_within(radii, 0, i, places[query] + 1, distances, task, take);
      for (const Neighbor& neighbor : task.close) {
        take(neighbor.id);
        if (distances) task.pairs.distances.push_back(neighbor.distance);
      }
    };
    const auto done = [&](std::int64_t first, std::int64_t, Task<Real>& task) {
      const std::lock_guard lock(mutex);
      parts.emplace_back(first, std::exchange(task.pairs, {}));
    };
    run<Real>(request, order_, 3000.0, false, progress, search, done);
  };
  with_real(as);
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  JoinAnswer answer;
  for (auto& [first, part] : parts) answer.parts.push_back(std::move(part));
  return answer;
}

template <class Real>
bool TreeSearch::count_within(const SearchRequest& request, const RangeRequest& radii, std::int64_t first,
                              std::int64_t count, std::int64_t query, std::int64_t i, Task<Real>& task) const {
  constexpr Real kAll = std::numeric_limits<Real>::quiet_NaN();
  const Budget allowed{static_cast<std::int64_t>(request.parameters[1]), Budget::kNode};
  auto& limits = task.limits;
  limits.clear();
  for (std::int64_t j = first; j < first + count; ++j) {
    auto next = this->limits(radii, j, i, Sure::cells, task);
    if (j > first) {  // what a radius lets pass, a larger one does, however either was rounded
      const auto raise = [&](Real before, Real& now) { now = before == before ? std::max(now, before) : kAll; };
      raise(limits.back().points, next.points);
      raise(limits.back().nodes, next.nodes);
    }
    limits.push_back(next);
  }
  task.counter.reset(limits, radii.radius + first, admission(request, query), exact(i, task));
  const Visits visits =
      task.counting.run(cells(), upper_ ? &*upper_ : nullptr, task.bound.query(i),
                        upper_ ? task.upper.query(i) : nullptr, task.search.query(i), allowed, task.counter);
  const bool done = !gave_up(request, query, allowed, visits, task);
  task.counter.finish();
  task.computed.exact += task.counter.computed();
  return done;
}

std::vector<std::int64_t> TreeSearch::count(const SearchRequest& request, const RangeRequest& radii,
                                            Progress& progress) const {
  std::vector<std::int64_t> counts(request.queries.count);
  const auto as = [&]<class Real>(const Real*) {
    run<Real>(request, 3000.0, true, progress, [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
      const bool done = count_within(request, radii, query, 1, query, i, task);
      const std::int64_t found = task.counter.take()[0];
      if (done) counts[query] = found;
    });
  };
  if (request.queries.count > 0) with_real(as);
  return counts;
}

std::vector<std::int64_t> TreeSearch::pairs(const SearchRequest& request, const RangeRequest& radii,
                                            Progress& progress) const {
  std::vector<std::int64_t> sums(radii.shared);
  std::mutex mutex;
  const auto as = [&]<class Real>(const Real*) {
    run<Real>(request, 3000.0, true, progress, [&](std::int64_t query, std::int64_t i, Task<Real>& task) {
      count_within(request, radii, 0, radii.shared, query, i, task);
      const auto& found = task.counter.take();
      const std::lock_guard lock(mutex);
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += found[j];
    });
  };
  if (request.queries.count > 0 && radii.shared > 0) with_real(as);
  return sums;
}

RankOf TreeSearch::ranks(const Estimate& estimate, const PreparedQueries& queries, std::int64_t i,
                         const std::vector<double>& maxima) const {
  const double offset = estimate.offset(queries, i);
  const Margin margin = estimate.margin(queries, i, maxima);
  return {offset, {margin.slack + estimate.offset_error(offset), margin.relative}};
}

std::vector<double> TreeSearch::sums(const SearchRequest& request, const SumRequest& summed, Progress& progress) const {
  if (space_.search().arithmetic_bytes != 8) return Method::sums(request, summed, progress);
  const KernelTable& value = summed.value->kernels();
  require(value.block == space_.search().block, "the table of values has blocks of another size");
  std::vector<double> sums(request.queries.count);
  const CellWeights weights = cell_weights(cells(), summed.weights);
  PreparedQueries given;
  given.prepare(value, summed.parameters.data(), summed.queries, 0, summed.queries.count, summed.queries.count);
  run<double>(request, 10e3, true, progress, [&](std::int64_t query, std::int64_t i, Task<double>& task) {
    const Summed one{value,
                     summed.parameters.data(),
                     given.query(query),
                     weights,
                     summed.atol[query],
                     summed.rtol,
                     ranks(space_.filter, task.search, i, points_.maxima()),
                     ranks(bound_, task.bound, i, hierarchy_.maxima()),
                     upper_ ? ranks(*upper_, task.upper, i, hierarchy_.upper_maxima()) : RankOf{}};
    sums[query] = task.summing.run(cells(), upper_ ? &*upper_ : nullptr, task.bound.query(i),
                                   upper_ ? task.upper.query(i) : nullptr, task.search.query(i), one);
    visited(task.summing.visits(), task);
  });
  return sums;
}

}  // namespace anear
