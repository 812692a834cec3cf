// Walking through a graph towards a query.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "graph/beam.h"
#include "graph/links.h"
#include "graph/neighbour_codes.h"
#include "index/space.h"
#include "storage/codes.h"
#include "storage/point_rows.h"

namespace anear {

// Values of points for one prepared query. `nodes`: the point that each node of a level stands for; null: node i is
// point i.
template <class Real>
class Scorer {
 public:
  void reset(const Estimate& estimate, const RowPoints& points) {
    table_ = &estimate.kernels();
    parameters_ = estimate.parameters.data();
    points_ = &points;
  }

  // Values come from codes, and queries are a CodeQuery each; null: from the rows again.
  void through(const Codes* codes) { codes_ = codes; }

  void at(const void* query) { query_ = query; }
  void of(const std::int32_t* nodes) { nodes_ = nodes; }

  // values()[i] for nodes[i], or for points.
  template <class Node>
  const Real* operator()(const Node* nodes, std::int64_t n) {
    const std::int64_t padded = n + std::max<std::int64_t>(table_->row_tile, codes_ ? codes_->tile() : 0);
    if (static_cast<std::int64_t>(ids_.size()) < padded) {
      ids_.resize(2 * padded);
      values_.resize(2 * padded);
    }
    for (std::int64_t i = 0; i < n; ++i) ids_[i] = nodes_ == nullptr ? nodes[i] : nodes_[nodes[i]];
    computed_ += n;
    if constexpr (sizeof(Real) == sizeof(float)) {
      if (codes_ != nullptr) {
        ask(*codes_, n);
        std::fill_n(ids_.data() + n, codes_->tile(), ids_[n - 1]);
        codes_->values(*static_cast<const CodeQuery*>(query_), ids_.data(), n, values_.data());
        return values_.data();
      }
    }
    ask(*points_, n);
    std::fill_n(ids_.data() + n, table_->row_tile, ids_[n - 1]);
    table_->gather_rows(query_, points_->data(), points_->row_bytes(), ids_.data(), n, parameters_, values_.data());
    return values_.data();
  }

  std::int64_t computed() const { return computed_; }
  void count(std::int64_t computed) { computed_ += computed; }  // by others, for this query
  const CodeQuery& code_query() const { return *static_cast<const CodeQuery*>(query_); }

 private:
  static constexpr std::int64_t kAtOnce = 8;  // rows asked for at once; the kernel asks for those that follow
  static constexpr std::int64_t kBytes = 512;

  // Asks for the first rows; whoever computes the values asks for those that follow.
  template <class Points>
  void ask(const Points& points, std::int64_t n) const {
    const std::int64_t bytes = std::min(points.row_bytes(), kBytes);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(n, kAtOnce); ++i) {
      const std::byte* row = points.row(ids_[i]);
      for (std::int64_t byte = 0; byte < bytes; byte += 64) prefetch(row + byte);
    }
  }

  const Codes* codes_ = nullptr;
  const KernelTable* table_ = nullptr;
  const double* parameters_ = nullptr;
  const RowPoints* points_ = nullptr;
  const void* query_ = nullptr;
  const std::int32_t* nodes_ = nullptr;
  std::vector<PointId> ids_;
  std::vector<Real> values_;
  std::int64_t computed_ = 0;
};

// Takes every node that a walk meets for what it is.
template <class Real>
struct Whoever {
  void operator()(const Real*, const std::int32_t*, std::int64_t) const {}
  bool enough(Real) const { return false; }
};

// Scratch of a walk, kept from query to query.
template <class Real>
class Walk {
 public:
  Scorer<Real> scorer;
  Beam<Real> beam;

  // Fills the beam with the `width` best nodes that are found from the entries on. `met(values, nodes, n)` is told of
  // every node that a value is computed for, and ends the walk by `met.enough(value)` of the next to be visited.
  template <class Met>
  void run(const Links& links, const std::int32_t* entries, std::int64_t count, std::size_t width, Met&& met) {
    beam.reset(width);
    seen_.reset(links.nodes());
    seen_.from_now(count);
    for (std::int64_t i = 0; i < count; ++i) seen_.add(entries[i]);
    take(met);
    for (std::int32_t node = beam.visit(); node >= 0; node = beam.visit()) {
      if (met.enough(beam.visiting())) return;
      const std::int32_t* neighbours = links.row(node);
      const std::int32_t upcoming = beam.upcoming();
      if (upcoming >= 0) prefetch(links.row(upcoming));
      seen_.from_now(links.degree());
      for (std::int64_t i = 0; i < links.degree() && links.leads(neighbours[i]); ++i) seen_.add(neighbours[i]);
      take(met);
    }
  }

  // The same through the codes of the neighbours beside each node; the scorer's values and query are of such codes.
  void run_beside(const NeighbourCodes& beside, const Links& links, const std::int32_t* entries, std::int64_t count,
                  std::size_t width) {
    constexpr std::int64_t kAtOnce = NeighbourCodes::kAtOnce;
    beam.reset(width);
    seen_.reset(links.nodes());
    seen_.from_now(count);
    for (std::int64_t i = 0; i < count; ++i) seen_.add(entries[i]);
    take(Whoever<Real>{});
    float values[kAtOnce];
    for (std::int32_t node = beam.visit(); node >= 0; node = beam.visit()) {
      const std::int32_t* neighbours = links.row(node);
      const std::int32_t upcoming = beam.upcoming();
      if (upcoming >= 0) {
        prefetch(links.row(upcoming));
        beside.ask(upcoming);
      }
      seen_.from_now(links.degree());
      for (std::int64_t first = 0; first < links.degree() && links.leads(neighbours[first]); first += kAtOnce) {
        std::uint32_t below = beside.look(scorer.code_query(), node, first / kAtOnce, beam.limit(), values);
        scorer.count(kAtOnce);
        for (; below != 0; below &= below - 1) {
          const int lane = std::countr_zero(below);
          const std::int32_t id = neighbours[first + lane];
          if (!links.leads(id)) continue;
          const std::int64_t before = seen_.count();
          seen_.add(id);
          if (seen_.count() > before) beam.add(values[lane], id);
        }
      }
    }
  }

  void run(const Links& links, const std::int32_t* entries, std::int64_t count, std::size_t width) {
    run(links, entries, count, width, Whoever<Real>{});
  }

  // From `node` to the nearest of its neighbours, as long as that is nearer.
  std::int32_t descend(const Links& links, std::int32_t node) {
    Real best = *scorer(&node, 1);
    for (;;) {
      const std::int32_t* neighbours = links.row(node);
      const std::int64_t count = links.count(node);
      if (count == 0) return node;
      const Real* values = scorer(neighbours, count);
      const std::int32_t before = node;
      for (std::int64_t i = 0; i < count; ++i) {
        if (values[i] < best || !(best == best)) {
          best = values[i];
          node = neighbours[i];
        }
      }
      if (node == before || !(best == best)) return node;
    }
  }

 private:
  template <class Met>
  void take(Met&& met) {
    const std::int64_t count = seen_.count();
    if (count == 0) return;
    const std::int32_t* fresh = seen_.fresh();
    const Real* values = scorer(fresh, count);
    beam.add(values, fresh, count);
    met(values, fresh, count);
  }

  Seen seen_;
};

}  // namespace anear
