// Searching a graph: what all methods share that walk through one.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/check.h"
#include "graph/grow.h"
#include "graph/layers.h"
#include "graph/life.h"
#include "graph/neighbour_codes.h"
#include "index/method.h"
#include "result/hits.h"
#include "storage/codes.h"
#include "storage/point_rows.h"

namespace anear {

// What a search of a graph may be told.
const std::vector<Parameter>& graph_search_parameters();

// Makes the graph over all points. `parameters` are the method's own.
using MakeGraph = Graph (*)(const GraphPoints& points, const std::vector<double>& parameters, int threads,
                            Progress& progress);

// How the graph takes in points later. `parameters` are the same.
using MakeUpkeep = Upkeep (*)(const std::vector<double>& parameters, bool never_negative);

template <class Real>
struct GraphTask;

// How a search of a graph goes about it.
struct Effort {
  std::size_t width;   // of what is kept
  std::size_t rerank;  // how many of the nearest by their codes are compared in full; 0: as many as are of use
  std::size_t reach;   // the width of the walk: larger where not all of those met are admitted
  bool scans = false;  // so few are admitted that all of them are compared
};

class GraphSearch final : public Method {
 public:
  // Throws ArgumentError if the request lacks what a graph needs.
  GraphSearch(BuildRequest request, MakeGraph make, const Upkeep& upkeep, Progress& progress);

  void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const override;
  RangeAnswer range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const override;
  std::int64_t points() const override { return rows_.count; }
  std::int64_t bytes() const override {
    return points_.bytes() + graph_.bytes() + alive_.bytes() + (codes_ ? codes_->bytes() : 0) +
           (beside_ ? beside_->bytes() : 0);
  }
  const std::vector<double>& maxima() const override { return points_.maxima(); }
  std::vector<Part> parts() const override;
  void add(const Change& change, Gate& gate, Progress& progress) override;
  void remove(const std::vector<PointId>& points, const Change& change, Gate& gate, Progress& progress) override;
  const Alive* alive() const override { return &alive_; }
  Checked check() const override { return anear::check(graph_, alive_); }

 private:
  template <class Real>
  void knn_as(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const;
  template <class Real>
  const std::vector<Neighbor>& nearest(const SearchRequest& request, std::int64_t query, std::int64_t i, std::size_t k,
                                       const Effort& effort, GraphTask<Real>& task) const;

  Graph built(const BuildRequest& request, MakeGraph make, Progress& progress) const;
  Effort effort(const SearchRequest& request, std::size_t k) const;
  template <class Real, class Search>
  void run(const SearchRequest& request, bool by_rows, Progress& progress, const Search& search) const;
  template <class Real>
  void range_as(const SearchRequest& request, const RangeRequest& radii, std::vector<std::vector<Neighbor>>& found,
                Progress& progress) const;
  template <class Real, class Met>
  void walk(std::int64_t i, bool coded, std::size_t width, GraphTask<Real>& task, Met&& met) const;
  template <class Real>
  void scan(const Admission& admission, std::int64_t i, std::size_t k, GraphTask<Real>& task) const;
  template <class Real>
  void within(const Admission& admission, std::int64_t i, double radius_rank, GraphTask<Real>& task) const;
  template <class Real>
  Real near_limit(const Beam<Real>& met, std::size_t k, std::int64_t i, const GraphTask<Real>& task) const;
  template <class Real>
  void compare(std::int64_t i, GraphTask<Real>& task) const;
  template <class Real>
  void compare_in_turn(std::int64_t i, std::size_t k, GraphTask<Real>& task) const;
  template <class Real>
  void collect(const Beam<Real>& met, std::size_t k, const Effort& effort, std::int64_t i, GraphTask<Real>& task) const;

  void keep_beside(int threads, Progress& progress);
  void leave_beside(Gate& gate);

  Rows rows_;
  Space space_;
  RowPoints points_;
  std::optional<Codes> codes_;            // walks go through these, if there are any
  std::optional<NeighbourCodes> beside_;  // or, while points neither come nor go, through these
  Graph graph_;
  Upkeep upkeep_;
  Alive alive_;
};

// The entry of a method that walks through the graph that `make` makes.
template <MakeGraph make, MakeUpkeep upkeep>
MethodEntry graph_method(std::string meaning, std::vector<Parameter> parameters) {
  const auto build = [](BuildRequest request, Progress& progress) {
    const Upkeep later = upkeep(request.parameters, request.row_form && request.row_form->never_negative);
    return std::unique_ptr<Method>(std::make_unique<GraphSearch>(std::move(request), make, later, progress));
  };
  return {std::move(meaning), std::move(parameters), graph_search_parameters(), build, true, kMostSigned};
}

}  // namespace anear
