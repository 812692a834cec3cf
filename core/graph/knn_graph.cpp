#include "graph/knn_graph.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "result/exact.h"

namespace anear {
namespace {

constexpr std::int64_t kPointsPerTask = 256;

struct Scratch {
  PreparedQueries query;
  std::vector<PointId> ids;
  std::vector<double> distances;
  std::vector<Neighbor> found;
};

// Ranks each point's neighbours by their distances, of which the k least are answers.
template <class Real>
void rank(const KnnTable<Real>& table, const Rows& rows, const Rows& objects, const Space& space, int threads,
          const KnnAnswer& answer, Progress& progress) {
  Spares<Scratch> spares;
  parallel_for((rows.count + kPointsPerTask - 1) / kPointsPerTask, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    const std::int64_t first = task * kPointsPerTask, count = std::min(kPointsPerTask, rows.count - first);
    scratch->query.prepare(space.exact(), space.exact_parameters.data(), objects, first, count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      ExactQuery exact(space.exact(), space.exact_parameters.data(), rows, scratch->query.query(i));
      scratch->ids.clear();
      scratch->found.clear();
      for (std::int64_t j = 0; j < table.count(first + i); ++j) scratch->ids.push_back(table.row(first + i)[j].node);
      exact.append(scratch->ids, scratch->distances, scratch->found);
      std::sort(scratch->found.begin(), scratch->found.end());
      if (static_cast<std::int64_t>(scratch->found.size()) > answer.k) scratch->found.resize(answer.k, Neighbor{});
      answer.write(first + i, scratch->found);
    }
    spares.give(std::move(scratch));
    progress.poll();
  });
}

}  // namespace

void knn_graph(const Rows& rows, const Space& space, const RowForm& form, const Descent& descent, int threads,
               const KnnAnswer& answer, Progress& progress) {
  space.check(rows.columns);
  form.check(space.search(), rows);
  require(descent.k >= answer.k || descent.k >= rows.count - 1, "nn is less than k");
  require(0 < descent.rho && descent.rho <= 1 && descent.delta >= 0 && descent.trees >= 1,
          "rho, delta or trees is out of range");
  const RowPoints points(space.search(), space.filter.parameters.data(), form, rows, threads, progress);
  const PointQueries queries(space.filter, form, threads, progress);
  const GraphPoints together{space.filter, points, form.objects, queries, form};
  if (space.search().arithmetic_bytes == 4) {
    rank(nn_descent<float>(together, descent, threads, progress), rows, form.objects, space, threads, answer, progress);
  } else {
    rank(nn_descent<double>(together, descent, threads, progress), rows, form.objects, space, threads, answer,
         progress);
  }
}

}  // namespace anear
