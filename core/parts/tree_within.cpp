// What a search within a radius, and a sum over all points, go by; see parts/tree_search.h.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"
#include "parts/tree_search.h"
#include "parts/tree_task.h"

namespace anear {

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
      visited(visits, task);
      if (gives_up(request, query, allowed, visits)) return;
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
  visited(visits, task);
  const bool done = !gives_up(request, query, allowed, visits);
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
