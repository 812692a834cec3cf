#include "graph/graph_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "base/parallel.h"
#include "base/spares.h"
#include "graph/stored_graph.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/nearest.h"
namespace anear {
namespace {

constexpr std::int64_t kQueriesPerTask = 16;
// A walk compares about this share of the links that it comes by; the other nodes it has seen before.
constexpr double kNew = 0.25;
constexpr double kWalked = 6;        // a comparison on a walk costs so many of a scan's, whose rows come in order
constexpr double kMore = 2;          // this and the two above as measured at 50 to 1 % of some 100,000 points
constexpr double kSpread = 2;        // the admitted may be so many times rarer about a query than they are overall
constexpr std::size_t kWidest = 4;   // a walk as wide as this part of the points is dearer than comparing them all
constexpr std::size_t kOutside = 4;  // a walk leaves a radius when this part of what it keeps lies outside
constexpr std::size_t kInVain = 2;   // times k points in a row are compared in full in vain before the others are left
constexpr std::size_t kScanned = 1024;  // points compared between two looks at the clock

// Of the nodes that a walk meets those that may be answers; enough of them, and no nearer node to visit, end it.
template <class Real>
struct Admitted {
  const Admission& admission;
  Beam<Real>& beam;

  void operator()(const Real* values, const std::int32_t* nodes, std::int64_t n) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (beam.wants(values[j]) && admission.admits(nodes[j])) beam.add(values[j], nodes[j]);
    }
  }
  bool enough(Real value) const { return beam.full() && !beam.wants(value); }
};

}  // namespace

// Scratch of one task.
template <class Real>
struct GraphTask {
  Walk<Real> walk;
  Beam<Real> admitted;
  PreparedQueries search, exact;
  PreparedQueries coded;
  CodeQuery code;
  std::vector<PointId> listed;  // the admitted points, once a query has asked for them
  std::vector<PointId> ids;
  std::vector<double> distances;
  std::vector<Neighbor> found;
  std::int64_t reported = 0, exactly = 0;
};

const std::vector<Parameter>& graph_search_parameters() {
  static const std::vector<Parameter> parameters{
      {"ef", "int", 0, 0x1p31, 0,
       "width of a search: the larger, the more of the nearest are found; 0: the index's own"},
      {"rerank", "int", 0, 0x1p31, 0,
       "with codes: how many of the nearest by their codes are compared in full; 0: as many as are of use"}};
  return parameters;
}

GraphSearch::GraphSearch(BuildRequest request, MakeGraph make, const Upkeep& upkeep, Progress& progress)
    : rows_(request.rows), space_(std::move(request.space)), upkeep_(upkeep), alive_(request.rows.count) {
  space_.check(rows_.columns);
  require(request.row_form.has_value(), "a graph needs the form of prepared rows");
  const RowForm& form = *request.row_form;
  form.check(space_.search(), rows_);
  if (const Part* maxima = request.stored ? request.stored->find("maxima") : nullptr) {
    const Part* rows = request.stored->find("rows");
    points_ =
        RowPoints(space_.search(), form, rows_, rows ? reinterpret_cast<const std::byte*>(rows->bytes()) : nullptr,
                  rows ? rows->size() : 0, {maxima->doubles(), maxima->doubles() + maxima->size()});
  } else {
    points_ = RowPoints(space_.search(), space_.filter.parameters.data(), form, rows_, request.threads, progress);
  }
  if (request.code_form) {
    request.code_form->check();
    if (const auto made = request.stored ? stored_codes(*request.stored) : std::nullopt) {
      codes_.emplace(std::move(*request.code_form), rows_.count, *made);
    } else {
      codes_.emplace(std::move(*request.code_form), rows_, request.threads, progress);
    }
  }
  const PointQueries queries = request.stored || request.building
                                   ? PointQueries(space_.filter, form)
                                   : PointQueries(space_.filter, form, request.threads, progress);
  const GraphPoints points{space_.filter, points_, form.objects, queries, form, codes_ ? &*codes_ : nullptr};
  if (request.stored) {
    graph_ = stored_graph(*request.stored, rows_.count, request.threads, progress);
    graph_.root = graph_.root_below();
    alive_ = stored_alive(*request.stored, rows_.count);
    keep_beside(request.threads, progress);
    return;
  }
  graph_ =
      request.building ? built(request, make, progress) : make(points, request.parameters, request.threads, progress);
  Gate alone;
  GraphLife(graph_, alive_, points, upkeep_, alone, request.threads, progress).finish();
  keep_beside(request.threads, progress);
}

void GraphSearch::keep_beside(int threads, Progress& progress) {
  if (upkeep_.beside && codes_ && NeighbourCodes::serve(*codes_)) {
    beside_.emplace(*codes_, graph_.base, threads, progress);
  }
}

void GraphSearch::leave_beside(Gate& gate) {
  const Gate::Alone alone(gate);
  beside_.reset();
}

// By what it is built by, of which nothing stays.
Graph GraphSearch::built(const BuildRequest& request, MakeGraph make, Progress& progress) const {
  const auto& [estimate, form, code_form] = *request.building;
  request.building->check(rows_);
  const RowPoints rows(estimate.kernels(), estimate.parameters.data(), form, rows_, request.threads, progress);
  const PointQueries queries(estimate, form, request.threads, progress);
  std::optional<Codes> codes;
  if (code_form) codes.emplace(*code_form, rows_, request.threads, progress);
  const GraphPoints points{estimate, rows, form.objects, queries, form, codes ? &*codes : nullptr};
  return make(points, request.parameters, request.threads, progress);
}

std::vector<Part> GraphSearch::parts() const {
  std::vector<Part> parts = graph_parts(graph_);
  parts.push_back(part("maxima", points_.maxima()));
  if (points_.bytes() > 0) {
    parts.push_back({"rows", PartType::uint8, rows_.count, points_.row_bytes(), points_.data()});
  }
  if (codes_) {
    for (Part& part : code_parts(*codes_, rows_.count)) parts.push_back(std::move(part));
  }
  add_part(alive_, parts);
  return parts;
}

void GraphSearch::add(const Change& change, Gate& gate, Progress& progress) {
  require(change.row_form.has_value(), "a graph needs the form of prepared rows");
  const RowForm& form = *change.row_form;
  form.check(space_.search(), change.rows);
  const std::int64_t first = rows_.count, last = change.rows.count;
  leave_beside(gate);
  if (codes_) codes_->extend(change.rows, first, change.threads, gate, progress);
  {
    const Gate::Alone alone(gate);
    alive_.resize(last);
  }
  points_.extend(space_.search(), space_.filter.parameters.data(), form, change.rows, first, change.threads, gate,
                 progress);
  {
    const Gate::Alone alone(gate);
    rows_ = change.rows;
  }
  const PointQueries queries(space_.filter, form);
  const GraphPoints points{space_.filter, points_, form.objects, queries, form, codes_ ? &*codes_ : nullptr};
  GraphLife(graph_, alive_, points, upkeep_, gate, change.threads, progress).add(first, last);
  const Gate::Alone alone(gate);
  for (std::int64_t point = first; point < last; ++point) alive_.set(point, true);
}

void GraphSearch::remove(const std::vector<PointId>& gone, const Change& change, Gate& gate, Progress& progress) {
  require(change.row_form.has_value(), "a graph needs the form of prepared rows");
  const RowForm& form = *change.row_form;
  form.check(space_.search(), rows_);
  leave_beside(gate);
  const PointQueries queries(space_.filter, form);
  const GraphPoints points{space_.filter, points_, form.objects, queries, form, codes_ ? &*codes_ : nullptr};
  GraphLife(graph_, alive_, points, upkeep_, gate, change.threads, progress).remove({gone.begin(), gone.end()});
  const Gate::Alone alone(gate);
  for (const PointId point : gone) alive_.set(point, false);
}

void GraphSearch::knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  if (request.queries.count == 0 || answer.k == 0) return;
  if (space_.search().arithmetic_bytes == 4) return knn_as<float>(request, answer, progress);
  knn_as<double>(request, answer, progress);
}

// A walk that keeps `width` nodes finds the k nearest of all; the k nearest of the share that is admitted are about the
// k / share nearest of all, so it has to keep some times as many more. It ends when it has met so many of the admitted.
Effort GraphSearch::effort(const SearchRequest& request, std::size_t k) const {
  const auto given = static_cast<std::size_t>(request.parameters[0]);
  const auto rerank = static_cast<std::size_t>(request.parameters[1]);
  const std::size_t width = std::max(k, given > 0 ? given : static_cast<std::size_t>(graph_.width));
  Effort effort{width, rerank == 0 ? 0 : std::max(k, rerank), width + (request.exclude != nullptr ? 1 : 0)};
  if (request.allow == nullptr) return effort;
  const auto admitted = static_cast<double>(Admission{rows_.count, request.allow, kNobody}.admitted());
  const double share = std::max(admitted, 1.0) / static_cast<double>(rows_.count);
  const double met = static_cast<double>(width) + kMore * static_cast<double>(k) / share;
  effort.width = static_cast<std::size_t>(std::ceil(share * met));
  effort.reach = static_cast<std::size_t>(std::min(std::ceil(kSpread * met), static_cast<double>(rows_.count)));
  effort.scans = admitted <= std::max(kWalked * met * kNew * static_cast<double>(graph_.base.degree()),
                                      static_cast<double>(effort.width));
  return effort;
}

// search(query, i, task) answers query `query`, the i-th of the task; `by_rows`: not through codes alone.
template <class Real, class Search>
void GraphSearch::run(const SearchRequest& request, bool by_rows, Progress& progress, const Search& search) const {
  const std::int64_t queries = request.queries.count;
  progress.start(queries);
  const auto work = [&](std::int64_t first, std::int64_t count, GraphTask<Real>& task) {
    task.listed.clear();
    task.walk.scorer.reset(space_.filter, points_);
    if (codes_) {
      const CodeForm& form = codes_->form();
      task.coded.prepare(form.table->kernels(), form.parameters.data(), request.queries, first, count, count);
    }
    if (by_rows) {
      task.search.prepare(space_.search(), space_.filter.parameters.data(), request.queries, first, count, count);
    }
    task.exact.prepare(space_.exact(), space_.exact_parameters.data(), request.queries, first, count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      search(first + i, i, task);
      progress.poll();
    }
    progress.count({task.walk.scorer.computed() - task.reported, task.exactly});
    task.reported = task.walk.scorer.computed();
    task.exactly = 0;
    progress.advance(count);
  };
  if (queries == 1) {
    static thread_local std::unique_ptr<GraphTask<Real>> kept;
    auto task = kept ? std::move(kept) : std::make_unique<GraphTask<Real>>();
    work(0, 1, *task);
    kept = std::move(task);
    return;
  }
  Spares<GraphTask<Real>> spares;
  parallel_for((queries + kQueriesPerTask - 1) / kQueriesPerTask, request.threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t first = number * kQueriesPerTask;
    work(first, std::min(kQueriesPerTask, queries - first), *task);
    spares.give(std::move(task));
  });
}

template <class Real>
void GraphSearch::knn_as(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  const auto k = static_cast<std::size_t>(std::min(answer.k, rows_.count));
  const Effort how = effort(request, k);
  run<Real>(request, !codes_ || request.allow != nullptr, progress,
            [&](std::int64_t query, std::int64_t i, GraphTask<Real>& task) {
              answer.write(query, nearest(request, query, i, k, how, task));
            });
}

template <class Real>
void GraphSearch::range_as(const SearchRequest& request, const RangeRequest& radii,
                           std::vector<std::vector<Neighbor>>& found, Progress& progress) const {
  run<Real>(request, true, progress, [&](std::int64_t query, std::int64_t i, GraphTask<Real>& task) {
    const Admission admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : kNobody};
    within(admission, i, radii.radius_rank[query], task);
    compare(i, task);
    const double radius = radii.radius[query];
    const auto beyond = [&](const Neighbor& n) { return !(n.distance <= radius); };
    task.found.erase(std::remove_if(task.found.begin(), task.found.end(), beyond), task.found.end());
    found[query] = task.found;
  });
}

RangeAnswer GraphSearch::range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const {
  std::vector<std::vector<Neighbor>> found(request.queries.count);
  if (request.queries.count == 0) return RangeAnswer(std::move(found));
  if (space_.search().arithmetic_bytes == 4) {
    range_as<float>(request, radii, found, progress);
  } else {
    range_as<double>(request, radii, found, progress);
  }
  return RangeAnswer(std::move(found));
}

// Walks towards the i-th query of the task, through codes if there are any and `coded` says so.
template <class Real, class Met>
void GraphSearch::walk(std::int64_t i, bool coded, std::size_t width, GraphTask<Real>& task, Met&& met) const {
  if (graph_.top < 0) return task.walk.beam.reset(width);  // all points were removed
  coded = coded && codes_;
  task.walk.scorer.through(coded ? &*codes_ : nullptr);
  if (coded) codes_->prepare(task.coded, i, task.code);
  const void* asked = coded ? static_cast<const void*>(&task.code) : task.search.query(i);
  const std::int32_t near = descend<Real>(graph_.layers, graph_.top, asked, task.walk);
  if constexpr (std::is_same_v<Real, float> && std::is_same_v<std::decay_t<Met>, Whoever<Real>>) {
    if (coded && beside_) {
      return task.walk.run_beside(*beside_, graph_.base, graph_.entries.data(),
                                  static_cast<std::int64_t>(graph_.entries.size()), width);
    }
  }
  if (graph_.layers.empty()) {
    task.walk.run(graph_.base, graph_.entries.data(), static_cast<std::int64_t>(graph_.entries.size()), width, met);
    return;
  }
  // From the root every point can be reached: a walk that is wide enough is a scan.
  const std::array<std::int32_t, 2> both{near, graph_.root};
  task.walk.run(graph_.base, both.data(), 2, width, met);
}

// Whatever of the admitted may be among the k nearest is to be compared in full.
template <class Real>
void GraphSearch::scan(const Admission& admission, std::int64_t i, std::size_t k, GraphTask<Real>& task) const {
  if (task.listed.empty()) Admission{admission.count, admission.allowed, kNobody}.list(task.listed);
  const std::vector<PointId>& ids = task.listed;
  task.walk.scorer.through(nullptr);
  task.walk.scorer.of(nullptr);
  task.walk.scorer.at(task.search.query(i));
  task.ids.clear();
  task.admitted.reset(4 * k + 64);
  for (std::size_t first = 0; first < ids.size(); first += kScanned) {
    const std::size_t count = std::min(kScanned, ids.size() - first);
    const Real* values = task.walk.scorer(ids.data() + first, static_cast<std::int64_t>(count));
    for (std::size_t j = 0; j < count; ++j) {
      if (ids[first + j] == admission.excluded) continue;
      task.admitted.add(values[j], ids[first + j]);
      if (!(values[j] == values[j])) task.ids.push_back(ids[first + j]);  // only the formula itself knows
    }
  }
  const Beam<Real>& met = task.admitted;
  if (met.size() == 0) return;
  const Real limit = near_limit(met, k, i, task);
  if (met.full() && !(met[met.size() - 1].value >= limit)) {  // more of them are alike than were kept
    task.ids = ids;
    std::erase(task.ids, admission.excluded);
    return;
  }
  for (const Spot<Real>& spot : met) {
    if (!(spot.value >= limit)) task.ids.push_back(spot.node);
  }
}

// Whatever may lie within the radius is to be compared in full: all of a walk that is wide enough to leave it.
template <class Real>
void GraphSearch::within(const Admission& admission, std::int64_t i, double radius_rank, GraphTask<Real>& task) const {
  const double offset = space_.filter.offset(task.search, i);
  const Margin margin = space_.filter.margin(task.search, i, points_.maxima());
  const auto limit =
      exclusive_limit<Real>(margin.largest_computed(radius_rank - offset + space_.filter.offset_error(offset)));
  const auto all = static_cast<std::size_t>(rows_.count);
  const auto take = [&](std::int32_t node) {
    if (admission.admits(node)) task.ids.push_back(node);
  };
  for (auto width = static_cast<std::size_t>(graph_.width); width < all / kWidest; width *= 2) {
    walk(i, false, width, task, Whoever<Real>{});
    const Beam<Real>& met = task.walk.beam;
    const std::size_t outside = std::max<std::size_t>(met.size() / kOutside, 1);
    if (met.full() && !(met[met.size() - outside].value >= limit)) continue;
    task.ids.clear();
    for (const Spot<Real>& spot : met) {
      if (!(spot.value >= limit)) take(spot.node);
    }
    return;
  }
  task.ids.clear();
  for (std::int32_t node = 0; node < rows_.count; ++node) {
    if (alive_[node]) take(node);
  }
}

template <class Real>
Real GraphSearch::near_limit(const Beam<Real>& met, std::size_t k, std::int64_t i, const GraphTask<Real>& task) const {
  const Margin margin = space_.filter.margin(task.search, i, points_.maxima());
  return met.size() < k ? std::numeric_limits<Real>::quiet_NaN() : limit_rule<Real>(margin, margin)(met[k - 1].value);
}

// The full distances of the task's ids.
template <class Real>
void GraphSearch::compare(std::int64_t i, GraphTask<Real>& task) const {
  task.found.clear();
  ExactQuery exact(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
  exact.append(task.ids, task.distances, task.found);
  task.exactly += exact.computed();
  std::sort(task.found.begin(), task.found.end());
}

// The same of the nearest by their codes, the nearest first, until several in a row were not among the k nearest: how far
// codes lead astray is seen query by query, from the order of distances alone.
template <class Real>
void GraphSearch::compare_in_turn(std::int64_t i, std::size_t k, GraphTask<Real>& task) const {
  task.found.clear();
  ExactQuery exact(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
  const std::size_t patience = kInVain * k;
  std::size_t until = k + patience;
  for (std::size_t done = 0; done < std::min(until, task.ids.size());) {
    const std::size_t count = std::min(until, task.ids.size()) - done;
    task.distances.resize(count);
    exact.distances(task.ids.data() + done, static_cast<std::int64_t>(count), task.distances.data());
    for (std::size_t j = 0; j < count; ++j, ++done) {
      const Neighbor met{task.distances[j], task.ids[done]};
      if (!(met.distance == met.distance) || (task.found.size() == k && !(met < task.found.front()))) continue;
      if (task.found.size() == k) {
        std::pop_heap(task.found.begin(), task.found.end());
        task.found.pop_back();
      }
      task.found.push_back(met);
      std::push_heap(task.found.begin(), task.found.end());
      until = done + 1 + patience;
    }
  }
  task.exactly += exact.computed();
  std::sort_heap(task.found.begin(), task.found.end());
}

// Whatever may be among the k nearest of those met is to be compared in full.
template <class Real>
void GraphSearch::collect(const Beam<Real>& met, std::size_t k, const Effort& effort, std::int64_t i,
                          GraphTask<Real>& task) const {
  task.ids.clear();
  if (codes_) {
    const std::size_t most = effort.rerank == 0 ? met.size() : std::min(met.size(), effort.rerank);
    for (std::size_t j = 0; j < most; ++j) task.ids.push_back(met[j].node);
    return;
  }
  const Real limit = near_limit(met, k, i, task);
  for (const Spot<Real>& spot : met) {
    if (task.ids.size() >= k && spot.value >= limit) break;
    task.ids.push_back(spot.node);
  }
}

template <class Real>
const std::vector<Neighbor>& GraphSearch::nearest(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                                  std::size_t k, const Effort& effort, GraphTask<Real>& task) const {
  const Admission admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : kNobody};
  bool scanned = false;
  if (request.allow != nullptr || admission.excluded != kNobody) {
    task.admitted.reset(effort.width);
    if (!effort.scans) walk(i, true, effort.reach, task, Admitted<Real>{admission, task.admitted});
    // Admitted points may be rare just where the query is: a walk does not tell how far it has to go then.
    scanned = effort.scans || (request.allow != nullptr && !task.admitted.full());
    if (scanned) {
      scan(admission, i, k, task);
    } else {
      collect(task.admitted, k, effort, i, task);
    }
  } else {
    walk(i, true, effort.width, task, Whoever<Real>{});
    collect(task.walk.beam, k, effort, i, task);
  }
  if (codes_ && effort.rerank == 0 && !scanned) {
    compare_in_turn(i, k, task);
  } else {
    compare(i, task);
  }
  if (task.found.size() > k) task.found.resize(k, Neighbor{});
  return task.found;
}

}  // namespace anear
