// flat: exact search by scanning every point.
//
// A search is cut into tasks: a range of queries against a range ("part") of the points. Many queries: one part, and
// each task scans all points for its queries, chunk by chunk. Few queries: the points are split between the threads and
// the parts' candidates merged. Neither changes an answer.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/parallel.h"
#include "base/spares.h"
#include "index/method.h"
#include "parts/scan.h"
#include "result/collector.h"
#include "result/radius.h"

namespace anear {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// How a search is cut up. `units` are blocks of points, or single points of an exhaustive search.
struct Cut {
  std::int64_t queries = 0, queries_per_task = 1, tasks = 1;
  std::int64_t units = 0, parts = 1, units_per_part = 0;
  int threads = 1;
};

// What all tasks of one search share.
struct Pass {
  const SearchRequest& request;
  std::size_t k = 0;            // 0: range search
  bool exhaustive = false;      // exact distances to all points instead of a scan of packed blocks
  std::vector<PointId> listed;  // exhaustive under a filter: the admitted points
  Cut cut;
};

constexpr double kNanosecondsWorthAThread = 300e3;  // waking a thread and merging its part costs some 20 us
constexpr std::int64_t kMostQueries = 240;          // queries a task: their prepared form and limits stay in cache
constexpr std::int64_t kFewestQueries = 24;         // fewer queries a task spend their time loading points
constexpr std::int64_t kTaskBytes = 8 << 20;        // for the candidates of a task
constexpr std::int64_t kFew = 32, kFewNumbers = 1 << 14, kKeptAnswers = 1024;  // of queries whose scratch is small
constexpr std::int64_t kFewPoints = 2048;  // so few admitted points are not worth a scan
constexpr std::int64_t kChunk = 1024;      // points of an exhaustive search between two looks at the clock

// Scratch of one task. Collectors point into `exact`, so it lives until they are finished.
template <class Real, class Collector>
struct Task {
  PreparedQueries search, exact;
  std::vector<ExactQuery> exact_queries;
  std::vector<Admission> admissions;
  std::vector<Collector> collectors;
  BlockScan<Real> scan;
};

class Flat final : public Method {
 public:
  Flat(BuildRequest request, Progress& progress)
      : rows_(request.rows), space_(std::move(request.space)), alive_(request.rows.count) {
    if (scans()) {
      points_ = PackedPoints(space_.search(), space_.filter.parameters.data(), rows_, request.threads, progress);
    }
  }

  void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const override;
  RangeAnswer range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const override;
  std::int64_t points() const override { return rows_.count; }
  std::int64_t bytes() const override { return points_.bytes() + alive_.bytes(); }
  const std::vector<double>& maxima() const override { return points_.maxima(); }
  void add(const Change& change, Gate& gate, Progress& progress) override;
  void remove(const std::vector<PointId>& points, const Change& change, Gate& gate, Progress& progress) override;
  const Alive* alive() const override { return &alive_; }
  Checked check() const override { return {true, alive_.count(), alive_.count(), {}}; }

 private:
  bool scans() const { return space_.search().select != nullptr || space_.search().select_one != nullptr; }

  Pass plan(const SearchRequest& request, std::int64_t k) const;
  Cut cut(const Pass& pass, std::int64_t points) const;

  template <class Real, class Collector>
  void prepare(const Pass& pass, std::int64_t first, std::int64_t count, Task<Real, Collector>& task) const;
  template <class Real, class Collector>
  void fill(const Pass& pass, std::int64_t count, std::int64_t first, std::int64_t last, Task<Real, Collector>& task,
            Progress& progress) const;
  template <class Real>
  const std::vector<Neighbor>& finish(const Pass& pass, std::int64_t i, Task<Real, Collector<Real>>& task,
                                      Progress& progress) const;
  template <class Real, class Collector, class Reset, class Write>
  void run(const Pass& pass, Progress& progress, const Reset& reset, const Write& write) const;
  template <class Real, class Collector, class Reset, class Write>
  void run_parts(const Pass& pass, Progress& progress, const Reset& reset, const Write& write) const;
  template <class Real>
  void knn_as(const Pass& pass, const KnnAnswer& answer, Progress& progress) const;
  template <class Real>
  void range_as(const Pass& pass, const RangeRequest& radii, std::vector<std::vector<Neighbor>>& found,
                Progress& progress) const;

  SearchRequest of_live(const SearchRequest& request) const;
  void list_live();

  Rows rows_;
  Space space_;
  PackedPoints points_;
  Alive alive_;
  std::vector<std::uint8_t> live_;  // a bit a point; empty while all are alive
};

// A scan is over soon after it began, and so is what it is made of: all is done while nobody looks.
void Flat::add(const Change& change, Gate& gate, Progress& progress) {
  const std::int64_t first = rows_.count;
  Progress undisturbed;
  const Gate::Alone alone(gate);
  alive_.resize(change.rows.count);
  if (scans()) {
    points_.extend(space_.search(), space_.filter.parameters.data(), change.rows, first, change.threads, undisturbed);
  }
  rows_ = change.rows;
  for (std::int64_t point = first; point < rows_.count; ++point) alive_.set(point, true);
  list_live();
  progress.advance(rows_.count - first);
}

void Flat::remove(const std::vector<PointId>& points, const Change&, Gate& gate, Progress& progress) {
  const Gate::Alone alone(gate);
  for (const PointId point : points) alive_.set(point, false);
  list_live();
  progress.advance(static_cast<std::int64_t>(points.size()));
}

void Flat::list_live() {
  live_.clear();
  if (!alive_.all()) live_ = alive_.admitted(nullptr, 0);
}

// What was removed is no answer; a filter knows of it already.
SearchRequest Flat::of_live(const SearchRequest& request) const {
  SearchRequest live = request;
  if (live.allow == nullptr && !live_.empty()) live.allow = live_.data();
  return live;
}

// `k` 0: a range search.
Pass Flat::plan(const SearchRequest& request, std::int64_t k) const {
  const Admission admission{rows_.count, request.allow, kNobody};
  const std::int64_t admitted = admission.admitted();
  // A scan is no use where most points are answers anyway, and a waste where few may be.
  const bool few = request.allow && (admitted <= kFewPoints || admitted < rows_.count / 32);
  Pass pass{request,
            static_cast<std::size_t>(k ? std::max<std::int64_t>(std::min(k, admitted), 1) : 0),
            !scans() || few || k > admitted / 4,
            {},
            {}};
  if (pass.exhaustive && request.allow) admission.list(pass.listed);
  pass.cut = cut(pass, pass.exhaustive ? admitted : rows_.count);
  return pass;
}

Cut Flat::cut(const Pass& pass, std::int64_t points) const {
  const KernelTable& table = space_.search();
  Cut cut;
  cut.queries = pass.request.queries.count;
  cut.units = pass.exhaustive ? points : points_.blocks();
  // Rough costs of a pair on one core; they only decide whether threads are worth waking.
  const double pair = pass.exhaustive ? 5 + 0.5 * static_cast<double>(rows_.columns)
                                      : 0.1 + 0.02 * static_cast<double>(table.query_slots);
  const double total = pair * static_cast<double>(cut.queries) * static_cast<double>(points);
  cut.threads = static_cast<int>(
      std::clamp(total / kNanosecondsWorthAThread, 1.0, static_cast<double>(std::max(pass.request.threads, 1))));
  const std::int64_t tile = pass.exhaustive ? 1 : std::max(table.query_tile, 1);
  const auto candidate_bytes = static_cast<std::int64_t>(pass.k * 4 * sizeof(Neighbor)) + table.query_slots * 16 + 1;
  const std::int64_t most = std::clamp<std::int64_t>(kTaskBytes / candidate_bytes, 1, kMostQueries);
  const std::int64_t tasks =
      std::max<std::int64_t>(cut.threads == 1 ? 1 : cut.threads * 4, ceil_div(cut.queries, most));
  const std::int64_t even = ceil_div(cut.queries, tasks);
  cut.queries_per_task = std::min(std::max(even, kFewestQueries), most);
  // Whole tiles, unless a tile's candidates would take too much memory (k in the hundred thousands).
  if (most >= tile) cut.queries_per_task = ceil_div(cut.queries_per_task, tile) * tile;
  cut.tasks = ceil_div(cut.queries, cut.queries_per_task);
  const std::int64_t wanted_parts = cut.tasks >= cut.threads ? 1 : ceil_div(cut.threads, cut.tasks);
  const std::int64_t step = pass.exhaustive ? 1 : points_.step();
  cut.units_per_part = ceil_div(ceil_div(cut.units, wanted_parts), step) * step;
  cut.parts = cut.units == 0 ? 1 : ceil_div(cut.units, cut.units_per_part);
  return cut;
}

template <class Real, class Collector>
void Flat::prepare(const Pass& pass, std::int64_t first, std::int64_t count, Task<Real, Collector>& task) const {
  const SearchRequest& request = pass.request;
  const std::int64_t tile = std::max(space_.search().query_tile, 1);
  if (!pass.exhaustive) {
    task.search.prepare(space_.search(), space_.filter.parameters.data(), request.queries, first, count,
                        ceil_div(count, tile) * tile);
  }
  task.exact.prepare(space_.exact(), space_.exact_parameters.data(), request.queries, first, count, count);
  task.exact_queries.clear();
  task.admissions.clear();
  if (task.collectors.size() < static_cast<std::size_t>(count)) task.collectors.resize(count);
  for (std::int64_t i = 0; i < count; ++i) {
    task.exact_queries.emplace_back(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
    task.admissions.push_back({rows_.count, request.allow, request.exclude ? request.exclude[first + i] : kNobody});
  }
}

// Shows the points of units [first, last) to the task's collectors.
template <class Real, class Collector>
void Flat::fill(const Pass& pass, std::int64_t count, std::int64_t first, std::int64_t last,
                Task<Real, Collector>& task, Progress& progress) const {
  const auto between = [&](std::int64_t units) {
    progress.advance(units * count);
    progress.poll();
  };
  if (!pass.exhaustive) {
    task.scan.run(space_.search(), space_.filter.parameters.data(), task.search, count, points_, first, last,
                  static_cast<std::int64_t>(2 * pass.k), task.admissions.data(), task.collectors.data(), between);
    const std::int64_t lanes = space_.search().block;
    progress.count({count * (std::min(last * lanes, rows_.count) - std::min(first * lanes, rows_.count)), 0});
    return;
  }
  for (std::int64_t unit = first; unit < last; unit += kChunk) {
    const std::int64_t end = std::min(unit + kChunk, last);
    for (std::int64_t q = 0; q < count; ++q) {
      for (std::int64_t i = unit; i < end; ++i) {
        const PointId id = !pass.listed.empty() ? pass.listed[i] : static_cast<PointId>(i);
        if (task.admissions[q].admits(id)) task.collectors[q].add_unknown(id);
      }
      progress.poll();  // so many distances of a costly formula take a while
    }
    between(end - unit);
  }
}

// The k nearest in collector i. Where they are in doubt, the exact distances of all points decide.
template <class Real>
const std::vector<Neighbor>& Flat::finish(const Pass& pass, std::int64_t i, Task<Real, Collector<Real>>& task,
                                          Progress& progress) const {
  Collector<Real>& collector = task.collectors[i];
  const std::vector<Neighbor>& found = collector.finish();
  if (!collector.doubtful()) return found;
  progress.count({0, collector.computed()});
  collector.reset(pass.k, Margin{}, task.exact_queries[i]);
  for (PointId id = 0; id < rows_.count; ++id) {
    if (task.admissions[i].admits(id)) collector.add_unknown(id);
    if (id % kChunk == 0) progress.poll();
  }
  return collector.finish();
}

// reset(query, i, task) readies collector i; write(query, i, task) takes its answer.
template <class Real, class Collector, class Reset, class Write>
void Flat::run(const Pass& pass, Progress& progress, const Reset& reset, const Write& write) const {
  const Cut& cut = pass.cut;
  progress.start(cut.queries * cut.units);
  if (cut.parts > 1) return run_parts<Real, Collector>(pass, progress, reset, write);
  const auto work = [&](std::int64_t number, Task<Real, Collector>& task) {
    const std::int64_t first = number * cut.queries_per_task;
    const std::int64_t count = std::min(cut.queries_per_task, cut.queries - first);
    prepare(pass, first, count, task);
    for (std::int64_t i = 0; i < count; ++i) reset(first + i, i, task);
    fill(pass, count, 0, cut.units, task, progress);
    Computed computed;
    for (std::int64_t i = 0; i < count; ++i) {
      write(first + i, i, task);
      computed.exact += task.collectors[i].computed();
    }
    progress.count(computed);
  };
  // Few queries at a time must not pay for allocations: their scratch, which is small, stays with the thread. While in
  // use it is taken away, for a progress callback may start another search.
  const bool few = cut.queries == 1 || (cut.queries <= kFew && cut.queries * rows_.columns <= kFewNumbers);
  if (few && cut.threads == 1 && cut.tasks == 1 && cut.queries * static_cast<std::int64_t>(pass.k) <= kKeptAnswers) {
    static thread_local std::unique_ptr<Task<Real, Collector>> kept;
    auto task = kept ? std::move(kept) : std::make_unique<Task<Real, Collector>>();
    work(0, *task);
    kept = std::move(task);
    return;
  }
  Spares<Task<Real, Collector>> spares;
  parallel_for(cut.tasks, cut.threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    work(number, *task);
    spares.give(std::move(task));
  });
}

template <class Real, class Collector, class Reset, class Write>
void Flat::run_parts(const Pass& pass, Progress& progress, const Reset& reset, const Write& write) const {
  const Cut& cut = pass.cut;
  std::vector<Task<Real, Collector>> tasks(cut.tasks * cut.parts);
  parallel_for(cut.tasks * cut.parts, cut.threads, progress, [&](std::int64_t number) {
    Task<Real, Collector>& task = tasks[number];
    const std::int64_t first = number / cut.parts * cut.queries_per_task;
    const std::int64_t count = std::min(cut.queries_per_task, cut.queries - first);
    const std::int64_t unit = number % cut.parts * cut.units_per_part;
    prepare(pass, first, count, task);
    for (std::int64_t i = 0; i < count; ++i) reset(first + i, i, task);
    fill(pass, count, unit, std::min(unit + cut.units_per_part, cut.units), task, progress);
  });
  parallel_for(cut.queries, cut.threads, progress, [&](std::int64_t query) {
    const std::int64_t i = query % cut.queries_per_task;
    const std::int64_t first = query / cut.queries_per_task * cut.parts;
    Collector& collector = tasks[first].collectors[i];
    Computed computed;
    for (std::int64_t part = 1; part < cut.parts; ++part) {
      collector.merge(tasks[first + part].collectors[i]);
      computed.exact += tasks[first + part].collectors[i].computed();
    }
    write(query, i, tasks[first]);
    computed.exact += collector.computed();
    progress.count(computed);
  });
}

template <class Real>
void Flat::knn_as(const Pass& pass, const KnnAnswer& answer, Progress& progress) const {
  using Found = Collector<Real>;
  const auto reset = [&](std::int64_t, std::int64_t i, Task<Real, Found>& task) {
    const Margin margin = pass.exhaustive ? Margin{} : space_.filter.margin(task.search, i, points_.maxima());
    task.collectors[i].reset(pass.k, margin, task.exact_queries[i]);
  };
  const auto write = [&](std::int64_t query, std::int64_t i, Task<Real, Found>& task) {
    answer.write(query, finish(pass, i, task, progress));
  };
  run<Real, Found>(pass, progress, reset, write);
}

void Flat::knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  if (request.queries.count == 0 || answer.k == 0) return;
  const SearchRequest live = of_live(request);
  const Pass pass = plan(live, answer.k);
  if (space_.search().arithmetic_bytes == 4) return knn_as<float>(pass, answer, progress);
  knn_as<double>(pass, answer, progress);
}

template <class Real>
void Flat::range_as(const Pass& pass, const RangeRequest& radii, std::vector<std::vector<Neighbor>>& found,
                    Progress& progress) const {
  using Found = RadiusCollector<Real>;
  const auto reset = [&](std::int64_t query, std::int64_t i, Task<Real, Found>& task) {
    Real limit = std::numeric_limits<Real>::quiet_NaN();
    if (!pass.exhaustive) {
      const double offset = space_.filter.offset(task.search, i);
      const Margin margin = space_.filter.margin(task.search, i, points_.maxima());
      limit = exclusive_limit<Real>(
          margin.largest_computed(radii.radius_rank[query] - offset + space_.filter.offset_error(offset)));
    }
    task.collectors[i].reset(limit, radii.radius[query], task.exact_queries[i]);
  };
  const auto write = [&](std::int64_t query, std::int64_t i, Task<Real, Found>& task) {
    found[query] = task.collectors[i].finish();
  };
  run<Real, Found>(pass, progress, reset, write);
}

RangeAnswer Flat::range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const {
  std::vector<std::vector<Neighbor>> found(request.queries.count);
  if (request.queries.count == 0) return RangeAnswer(std::move(found));
  const SearchRequest live = of_live(request);
  const Pass pass = plan(live, 0);
  if (space_.search().arithmetic_bytes == 4) {
    range_as<float>(pass, radii, found, progress);
  } else {
    range_as<double>(pass, radii, found, progress);
  }
  return RangeAnswer(std::move(found));
}

}  // namespace

extern const MethodEntry method_flat;
const MethodEntry method_flat{
    "exact search by scanning every point", {}, {}, [](BuildRequest request, Progress& progress) {
      request.space.check(request.rows.columns);
      return std::unique_ptr<Method>(std::make_unique<Flat>(std::move(request), progress));
    }};

}  // namespace anear
