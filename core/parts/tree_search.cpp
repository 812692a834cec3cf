#include "parts/tree_search.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "parts/curve.h"
#include "parts/tree_task.h"
#include "result/nearest.h"

namespace anear {
namespace {

constexpr std::int64_t kWorthOrdering = 64;  // queries
constexpr std::int64_t kNear = 3 << 19;      // bytes that a second-level cache nearly holds, in whatever order

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
  const std::int64_t slot = i % Descent<Real>::kTogether;
  if (!task.rounds.ended(slot)) return nearest_alone(request, query, i, k, budget, task);
  const bool limited = budget.node > 0 || request.effort != nullptr;
  if (limited && gives_up(request, query, budget, task.rounds.visits(slot))) return {};
  const std::size_t few = task.leaders[slot].few();
  if (few == 0) return nearest_alone(request, query, i, k, budget, task);
  const PointId* const leaves = task.rounds.leaves(slot).data();
  task.computed.exact += static_cast<std::int64_t>(few);
  const auto found = few == 1 && leaves_.copies() ? task.few.only(task.leaders[slot], leaves, exact(i, task))
                                                  : task.few.finish(task.leaders[slot], few, leaves, exact(i, task));
  return task.few.doubtful() ? nearest_of_all(request, query, i, k, task) : found;
}

// The same of a query whose leaders did not list all that it needs.
template <class Real>
std::span<const Neighbor> TreeSearch::nearest_alone(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                                    std::size_t k, const Budget& budget, Task<Real>& task) const {
  const std::int64_t slot = i % Descent<Real>::kTogether;
  const std::byte *bound_query = task.bound.query(i), *point_query = task.search.query(i);
  task.leaders[slot].forget();
  task.nearest.reset(task.leaders[slot], admission(request, query), exact(i, task));
  if (task.rounds.ended(slot)) {
    task.descent.again(cells(), point_query, task.rounds.leaves(slot), task.nearest);
  } else {
    const Visits visits = task.rounds.begun(slot)
                              ? task.descent.run(cells(), bound_query, point_query, budget, task.nearest)
                              : task.descent.go_on(cells(), bound_query, point_query, i, budget, task.nearest);
    visited(visits, task);
    if (gives_up(request, query, budget, visits)) return {};
  }
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

// Takes as many queries as go down together, from the i-th of a task on, to their leaves, and if k is small to all that
// may hold their answers.
template <class Real>
void TreeSearch::begin(const SearchRequest& request, std::int64_t i, std::size_t k, const Budget& budget,
                       Task<Real>& task) const {
  const std::int64_t count = std::min(Descent<Real>::kTogether, task.count - i);
  task.descent.start(cells(), task.bound, task.search, i, count);
  const bool fixed = space_.filter.fixed() && bound_.fixed();
  for (std::int64_t j = 0; j < count; ++j) {
    if (i + j == 0 || !fixed) task.rules = rules(i + j, task);
    task.leaders[j].reset(k, task.rules);
  }
  if (k > Shortlist::kMost) return task.rounds.none();
  const bool filtered = request.allow || request.exclude;
  for (std::int64_t j = 0; filtered && j < count; ++j) {
    task.admissions[j] = admission(request, task.order[i + j]);
  }
  const Admission* const admissions = filtered ? task.admissions.data() : nullptr;
  visited(task.rounds.run(cells(), task.descent, {task.bound, task.search, i, count, budget, admissions},
                          task.leaders.data()),
          task);
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
                if (i == 0) {
                  task.few.prepare(k, leaves_);
                  task.nearest.prepare(k, leaves_);
                }
                if (i % kTogether == 0 && !everything) {
                  answer.prefetch(task.order + i, std::min(kTogether, task.count - i));
                  begin(request, i, k, budget, task);
                }
                answer.write(query, everything ? nearest_of_all(request, query, i, k, task)
                                               : nearest(request, query, i, k, budget, task));
              });
  };
  with_real(as);
}

}  // namespace anear
