#include "graph/graph_search.h"

#include <algorithm>
#include <memory>

#include "base/parallel.h"
#include "base/spares.h"
#include "graph/stored_graph.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/nearest.h"

namespace anear {
namespace {

constexpr std::int64_t kQueriesPerTask = 16;

}  // namespace

// Scratch of one task.
template <class Real>
struct GraphTask {
  Walk<Real> walk;
  Beam<Real> admitted;
  PreparedQueries search, exact;
  PreparedQueries coded;
  CodeQuery code;
  std::vector<std::int32_t> ids;
  std::vector<double> distances;
  std::vector<Neighbor> found;
  std::int64_t reported = 0;
};

const std::vector<Parameter>& graph_search_parameters() {
  static const std::vector<Parameter> parameters{
      {"ef", "int", 0, 0x1p31, 0,
       "width of a search: the larger, the more of the nearest are found; 0: the index's own"},
      {"rerank", "int", 0, 0x1p31, 0,
       "with codes: how many of the nearest by their codes are compared in full; 0: three times k"}};
  return parameters;
}

GraphSearch::GraphSearch(BuildRequest request, MakeGraph make, Progress& progress)
    : rows_(request.rows), space_(std::move(request.space)) {
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
    codes_.emplace(std::move(*request.code_form), rows_, request.threads, progress);
  }
  if (request.stored) {
    graph_ = stored_graph(*request.stored, rows_.count, request.threads, progress);
  } else {
    const PointQueries queries(space_.filter, form, request.threads, progress);
    graph_ = make({space_.filter, points_, form.objects, queries, form}, request.parameters, request.threads, progress);
  }
}

std::vector<Part> GraphSearch::parts() const {
  std::vector<Part> parts = graph_parts(graph_);
  parts.push_back(part("maxima", points_.maxima()));
  if (points_.bytes() > 0) {
    parts.push_back({"rows", PartType::uint8, rows_.count, points_.row_bytes(), points_.data()});
  }
  return parts;
}

void GraphSearch::knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  if (request.queries.count == 0 || answer.k == 0) return;
  if (space_.search().arithmetic_bytes == 4) return knn_as<float>(request, answer, progress);
  knn_as<double>(request, answer, progress);
}

RangeAnswer GraphSearch::range(const SearchRequest&, const RangeRequest&, Progress&) const {
  throw ArgumentError("graphs answer k-NN searches alone so far");
}

template <class Real>
void GraphSearch::knn_as(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  const auto k = static_cast<std::size_t>(std::min(answer.k, rows_.count));
  const auto rerank = static_cast<std::size_t>(request.parameters[1]);
  const auto told = static_cast<std::int64_t>(request.parameters[0]), wide = told > 0 ? told : graph_.width;
  const Effort effort{std::max(k, static_cast<std::size_t>(std::min(wide, rows_.count))),
                      rerank == 0 ? 3 * k : std::max(k, rerank)};
  const std::int64_t queries = request.queries.count;
  progress.start(queries);
  const auto work = [&](std::int64_t first, std::int64_t count, GraphTask<Real>& task) {
    task.walk.scorer.reset(space_.filter, points_);
    task.walk.scorer.through(codes_ ? &*codes_ : nullptr);
    if (codes_) {
      const CodeForm& form = codes_->form();
      task.coded.prepare(form.table->kernels(), form.parameters.data(), request.queries, first, count, count);
    }
    task.search.prepare(space_.search(), space_.filter.parameters.data(), request.queries, first, count, count);
    task.exact.prepare(space_.exact(), space_.exact_parameters.data(), request.queries, first, count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      answer.write(first + i, nearest(request, first + i, i, k, effort, task));
      progress.poll();
    }
    progress.count({task.walk.scorer.computed() - task.reported, 0});
    task.reported = task.walk.scorer.computed();
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

// Whatever may be among the k nearest of those met is to be compared in full.
template <class Real>
void GraphSearch::collect(const Beam<Real>& met, std::size_t k, const Effort& effort, std::int64_t i,
                          GraphTask<Real>& task) const {
  task.ids.clear();
  if (codes_) {
    for (std::size_t j = 0; j < std::min(met.size(), effort.rerank); ++j) task.ids.push_back(met[j].node);
    return;
  }
  const Margin margin = space_.filter.margin(task.search, i, points_.maxima());
  const Real limit = limit_rule(margin, margin)(met[std::min(k, met.size()) - 1].value);
  for (const Spot<Real>& spot : met) {
    if (task.ids.size() >= k && spot.value >= limit) break;
    task.ids.push_back(spot.node);
  }
}

template <class Real>
const std::vector<Neighbor>& GraphSearch::nearest(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                                  std::size_t k, const Effort& effort, GraphTask<Real>& task) const {
  const Admission admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : -1};
  const bool filtered = admission.allowed != nullptr || admission.excluded >= 0;
  if (codes_) codes_->prepare(task.coded, i, task.code);
  const void* asked = codes_ ? static_cast<const void*>(&task.code) : task.search.query(i);
  const std::int32_t near = descend(graph_.layers, graph_.top, asked, task.walk);
  const bool layered = !graph_.layers.empty();
  const std::int32_t* entries = layered ? &near : graph_.entries.data();
  const auto begins = layered ? 1 : static_cast<std::int64_t>(graph_.entries.size());
  if (filtered) {
    task.admitted.reset(effort.width);
    task.walk.run(graph_.base, entries, begins, effort.width,
                  [&](const Real* values, const std::int32_t* nodes, std::int64_t n) {
                    for (std::int64_t j = 0; j < n; ++j) {
                      if (admission.admits(nodes[j])) task.admitted.add(values[j], nodes[j]);
                    }
                  });
  } else {
    task.walk.run(graph_.base, entries, begins, effort.width);
  }
  const Beam<Real>& met = filtered ? task.admitted : task.walk.beam;
  task.found.clear();
  if (met.size() == 0) return task.found;
  collect(met, k, effort, i, task);
  ExactQuery exact(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
  exact.append(task.ids, task.distances, task.found);
  std::sort(task.found.begin(), task.found.end());
  if (task.found.size() > k) task.found.resize(k, Neighbor{});
  return task.found;
}

}  // namespace anear
