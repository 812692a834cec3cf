// hnsw: approximate search by walking through a hierarchy of proximity graphs.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "base/spares.h"
#include "graph/grow.h"
#include "graph/layers.h"
#include "index/method.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/nearest.h"

namespace anear {
namespace {

constexpr std::int64_t kQueriesPerTask = 16;
constexpr int kMostLayers = 16;

// A number in [0, 1) that depends on the seed and the point alone.
double chance(std::uint64_t seed, std::int64_t point) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15u + (static_cast<std::uint64_t>(point) + 1) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

// Scratch of one task.
template <class Real>
struct Task {
  Walk<Real> walk;
  Beam<Real> admitted;
  PreparedQueries search, exact;
  std::vector<std::int32_t> ids;
  std::vector<double> distances;
  std::vector<Neighbor> found;
  std::int64_t reported = 0;
};

class Hnsw final : public Method {
 public:
  Hnsw(BuildRequest request, Progress& progress)
      : rows_(request.rows),
        space_(std::move(request.space)),
        points_(space_.search(), space_.filter.parameters.data(), *request.row_form, rows_, request.threads, progress) {
    build(*request.row_form, request.parameters, request.threads, progress);
  }

  void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const override {
    if (request.queries.count == 0 || answer.k == 0) return;
    if (space_.search().arithmetic_bytes == 4) return knn_as<float>(request, answer, progress);
    knn_as<double>(request, answer, progress);
  }

  RangeAnswer range(const SearchRequest&, const RangeRequest&, Progress&) const override {
    throw ArgumentError("method 'hnsw' answers k-NN searches alone so far");
  }

  std::int64_t points() const override { return rows_.count; }
  std::int64_t bytes() const override {
    std::int64_t bytes = points_.bytes() + base_.bytes();
    for (const Layer& layer : layers_) {
      bytes += layer.links.bytes() + static_cast<std::int64_t>((layer.points.size() + layer.below.size()) * 4);
    }
    return bytes;
  }
  const std::vector<double>& maxima() const override { return points_.maxima(); }

 private:
  void build(const RowForm& form, const std::vector<double>& parameters, int threads, Progress& progress);
  template <class Real>
  void knn_as(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const;
  template <class Real>
  const std::vector<Neighbor>& nearest(const SearchRequest& request, std::int64_t query, std::int64_t i, std::size_t k,
                                       std::size_t width, Task<Real>& task) const;

  Rows rows_;
  Space space_;
  RowPoints points_;
  Links base_;
  std::vector<Layer> layers_;  // from the lowest up
  std::int32_t top_ = 0;       // the node that every walk begins at: of the highest layer, or the base without any
};

// Level by level from the top; the nodes of a level are linked one level down as they were above, and the others come in.
void Hnsw::build(const RowForm& form, const std::vector<double>& parameters, int threads, Progress& progress) {
  const auto m = static_cast<std::int64_t>(parameters[0]);
  const Growth growth{m, std::max<std::int64_t>(static_cast<std::int64_t>(parameters[1]), m)};
  const auto seed = static_cast<std::uint64_t>(parameters[2]);
  const GraphPoints source{space_.filter, points_, form.objects};
  std::vector<std::int32_t> order(rows_.count);
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> chances(rows_.count);
  for (std::int64_t i = 0; i < rows_.count; ++i) chances[i] = chance(seed, i);
  // In the order of their chances, every level is a beginning of the next.
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return chances[a] < chances[b] || (chances[a] == chances[b] && a < b);
  });
  std::vector<std::int64_t> sizes;
  double share = 1.0;
  for (int level = 1; level < kMostLayers; ++level) {
    share /= static_cast<double>(m);
    const auto size = static_cast<std::int64_t>(share * static_cast<double>(rows_.count));
    if (size < 2) break;
    sizes.push_back(size);
  }
  std::vector<Layer> above;  // as in layers_, so the one above comes last; reversed at the end
  std::int64_t settled = 0;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    Layer layer;
    layer.points.assign(order.begin(), order.begin() + *size);
    layer.links = Links(*size, m);
    for (std::int64_t i = 0; i < settled; ++i) {
      const std::int32_t* from = above.front().links.row(i);
      std::copy(from, from + m, layer.links.row(i));
    }
    std::vector<std::int32_t> newcomers(*size - settled);
    std::iota(newcomers.begin(), newcomers.end(), static_cast<std::int32_t>(settled));
    grow(layer.links, layer.points, newcomers, settled, source, growth, above, top_, threads, progress);
    settled = *size;
    layer.below.resize(*size);
    std::iota(layer.below.begin(), layer.below.end(), 0);
    above.insert(above.begin(), std::move(layer));
  }
  base_ = Links(rows_.count, 2 * m);
  for (std::int64_t i = 0; i < settled; ++i) {
    const std::int32_t* from = above.front().links.row(i);
    std::int32_t* to = base_.row(order[i]);
    for (std::int64_t j = 0; j < m && from[j] != Links::kNone; ++j) to[j] = order[from[j]];
    above.front().below[i] = order[i];
  }
  const std::vector<std::int32_t> newcomers(order.begin() + settled, order.end());
  if (settled == 0) top_ = order[0];
  grow(base_, {}, newcomers, settled, source, growth, above, top_, threads, progress);
  layers_ = std::move(above);
}

template <class Real>
void Hnsw::knn_as(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  const auto k = static_cast<std::size_t>(std::min(answer.k, rows_.count));
  const std::size_t width = std::max(k, static_cast<std::size_t>(request.parameters[0]));
  const std::int64_t queries = request.queries.count;
  progress.start(queries);
  const auto work = [&](std::int64_t first, std::int64_t count, Task<Real>& task) {
    task.walk.scorer.reset(space_.filter, points_);
    task.search.prepare(space_.search(), space_.filter.parameters.data(), request.queries, first, count, count);
    task.exact.prepare(space_.exact(), space_.exact_parameters.data(), request.queries, first, count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      answer.write(first + i, nearest(request, first + i, i, k, width, task));
      progress.poll();
    }
    progress.count({task.walk.scorer.computed() - task.reported, 0});
    task.reported = task.walk.scorer.computed();
    progress.advance(count);
  };
  if (queries == 1) {
    static thread_local std::unique_ptr<Task<Real>> kept;
    auto task = kept ? std::move(kept) : std::make_unique<Task<Real>>();
    work(0, 1, *task);
    kept = std::move(task);
    return;
  }
  Spares<Task<Real>> spares;
  parallel_for((queries + kQueriesPerTask - 1) / kQueriesPerTask, request.threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t first = number * kQueriesPerTask;
    work(first, std::min(kQueriesPerTask, queries - first), *task);
    spares.give(std::move(task));
  });
}

template <class Real>
const std::vector<Neighbor>& Hnsw::nearest(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                           std::size_t k, std::size_t width, Task<Real>& task) const {
  const Admission admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : -1};
  const bool filtered = admission.allowed != nullptr || admission.excluded >= 0;
  const std::int32_t entry = descend(layers_, top_, task.search.query(i), task.walk);
  if (filtered) {
    task.admitted.reset(width);
    task.walk.run(base_, &entry, 1, width, [&](const Real* values, const std::int32_t* nodes, std::int64_t n) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (admission.admits(nodes[j])) task.admitted.add(values[j], nodes[j]);
      }
    });
  } else {
    task.walk.run(base_, entry, width);
  }
  // Whatever may be among the k nearest of those met is compared in full.
  const Beam<Real>& met = filtered ? task.admitted : task.walk.beam;
  task.found.clear();
  if (met.size() == 0) return task.found;
  const Margin margin = space_.filter.margin(task.search, i, points_.maxima());
  const Real limit = limit_rule(margin, margin)(met[std::min(k, met.size()) - 1].value);
  task.ids.clear();
  for (const Spot<Real>& spot : met) {
    if (task.ids.size() >= k && spot.value >= limit) break;
    task.ids.push_back(spot.node);
  }
  ExactQuery exact(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
  exact.append(task.ids, task.distances, task.found);
  std::sort(task.found.begin(), task.found.end());
  if (task.found.size() > k) task.found.resize(k, Neighbor{});
  return task.found;
}

}  // namespace

extern const MethodEntry method_hnsw;
const MethodEntry method_hnsw{
    "approximate search by walking through a hierarchy of proximity graphs",
    {{"m", "int", 2, 512, 16, "neighbours that a point is linked to when it comes in; up to twice as many later"},
     {"ef_construction", "int", 1, 1 << 20, 200, "width of the search for a new point's neighbours"},
     {"seed", "int", 0, 0x1p53, 0, "of the levels"}},
    {{"ef", "int", 1, 0x1p31, 64, "width of a search: the larger, the more of the nearest are found"}},
    [](BuildRequest request, Progress& progress) {
      request.space.check(request.rows.columns);
      require(request.row_form.has_value(), "method 'hnsw' needs the form of prepared rows");
      request.row_form->check(request.space.search(), request.rows);
      return std::unique_ptr<Method>(std::make_unique<Hnsw>(std::move(request), progress));
    }};

}  // namespace anear
