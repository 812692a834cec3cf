// Exact search in a hierarchy of cells, whatever its cells are: what the methods that build one have in common.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "index/method.h"
#include "parts/descent.h"
#include "parts/hierarchy.h"
#include "parts/stored_order.h"
#include "parts/sum_descent.h"
#include "result/counter.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/nearest.h"
#include "storage/prepared.h"

namespace anear {

// The parameters that every such method takes at a search, for its entry in the table of methods.
const std::vector<Parameter>& tree_search_parameters();

// Of what a search wants to know that it surely is within a radius.
enum class Sure : std::uint8_t { nothing, points, cells };

// A query goes down to the cells with the smallest bounds first and leaves out those whose bound exceeds what its k-th
// nearest point so far, or its radius, allows. What the bound of a cell is the core does not know: it is a kernel like
// any other, whose points are cells.
class TreeSearch final : public Method {
 public:
  // `order`: the points' ids, cell by cell, as the hierarchy has them and as they are packed; `bound` computes its
  // cells' bounds. `upper`, where there is one, their upper bounds.
  TreeSearch(const Rows& rows, Space space, Estimate bound, std::optional<Estimate> upper, std::vector<PointId> order,
             Hierarchy hierarchy, PackedPoints points);
  TreeSearch(const TreeSearch&) = delete;

  void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const override;
  RangeAnswer range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const override;
  ListAnswer list(const SearchRequest& request, const RangeRequest& radii, bool distances,
                  Progress& progress) const override;
  JoinAnswer join(const SearchRequest& request, const RangeRequest& radii, bool distances,
                  Progress& progress) const override;
  std::vector<std::int64_t> count(const SearchRequest& request, const RangeRequest& radii,
                                  Progress& progress) const override;
  std::vector<std::int64_t> pairs(const SearchRequest& request, const RangeRequest& radii,
                                  Progress& progress) const override;
  std::vector<double> sums(const SearchRequest& request, const SumRequest& summed, Progress& progress) const override;
  std::int64_t points() const override { return rows_.count; }
  std::int64_t bytes() const override;
  const std::vector<double>& maxima() const override { return points_.maxima(); }
  const std::vector<PointId>& order() const override { return order_; }
  std::vector<Part> parts() const override { return order_parts(order_, block_); }

 private:
  template <class Real>
  struct Task;

  std::int64_t size() const { return rows_.count; }
  // Calls f with a null pointer of the type that values are computed in.
  template <class F>
  void with_real(const F& f) const {
    space_.search().arithmetic_bytes == 4 ? f(static_cast<const float*>(nullptr))
                                          : f(static_cast<const double*>(nullptr));
  }
  const Cells& cells() const { return cells_; }

  template <class Real, class Search>
  void run(const SearchRequest& request, double nanoseconds, bool counting, Progress& progress,
           const Search& search) const {
    const auto nothing = [](std::int64_t, std::int64_t, Task<Real>&) {};
    run<Real>(request, query_order(request.queries), nanoseconds, counting, progress, search, nothing);
  }
  template <class Real, class Search, class Done>
  void run(const SearchRequest& request, const std::vector<PointId>& order, double nanoseconds, bool counting,
           Progress& progress, const Search& search, const Done& done) const;
  bool worth_ordering(const Rows& queries) const;
  std::vector<PointId> query_order(const Rows& queries) const;
  template <class Real>
  void prepare(const Rows& queries, const PointId* ids, std::int64_t count, bool counting, Task<Real>& task) const;
  static Budget budget(const SearchRequest& request);
  template <class Real>
  void visited(const Visits& visits, Task<Real>& task) const;
  static bool gives_up(const SearchRequest& request, std::int64_t query, const Budget& budget, const Visits& visits);
  Admission admission(const SearchRequest& request, std::int64_t query) const {
    return {size(), request.allow, request.exclude ? request.exclude[query] : kNobody};
  }
  template <class Real>
  LimitRules<Real> rules(std::int64_t i, const Task<Real>& task) const;
  template <class Real>
  void begin(const SearchRequest& request, std::int64_t i, std::size_t k, const Budget& budget, Task<Real>& task) const;
  template <class Real>
  std::span<const Neighbor> nearest(const SearchRequest& request, std::int64_t query, std::int64_t i, std::size_t k,
                                    const Budget& budget, Task<Real>& task) const;
  template <class Real>
  std::span<const Neighbor> nearest_alone(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                          std::size_t k, const Budget& budget, Task<Real>& task) const;
  // The same without a descent: all points are compared.
  template <class Real>
  std::span<const Neighbor> nearest_of_all(const SearchRequest& request, std::int64_t query, std::int64_t i,
                                           std::size_t k, Task<Real>& task) const;

  // What radius `radius` allows values and bounds of the i-th query of a task to be.
  template <class Real>
  const RadiusLimits<Real>& limits(const RangeRequest& radii, std::int64_t radius, std::int64_t i, Sure sure,
                                   Task<Real>& task) const;
  template <class Real>
  RadiusLimits<Real> new_limits(const RangeRequest& radii, std::int64_t radius, std::int64_t i, Sure sure,
                                const Task<Real>& task) const;
  // Counts the points within `count` radii from radius `first` on; false: the query gave up.
  template <class Real>
  bool count_within(const SearchRequest& request, const RangeRequest& radii, std::int64_t first, std::int64_t count,
                    std::int64_t query, std::int64_t i, Task<Real>& task) const;
  template <class Real>
  ExactQuery exact(std::int64_t i, const Task<Real>& task) const;
  // Calls take(id) for each point within a radius from place `from` on of which that is sure, and fills task.close with
  // the distances of the others.
  template <class Real, class Take>
  void list_within(const RangeRequest& radii, std::int64_t radius, std::int64_t i, std::int64_t from, bool exactly,
                   Task<Real>& task, const Take& take) const;

  RankOf ranks(const Estimate& estimate, const PreparedQueries& queries, std::int64_t i,
               const std::vector<double>& maxima) const;

  Rows rows_;
  Space space_;
  Estimate bound_;
  std::optional<Estimate> upper_;
  std::vector<PointId> order_;
  std::int32_t block_;
  Hierarchy hierarchy_;
  PackedPoints points_;
  LeafRows leaves_;
  Cells cells_;  // these, for descents
};

}  // namespace anear
