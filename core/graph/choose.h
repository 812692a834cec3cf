// Which of many near nodes become neighbours.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "graph/beam.h"
#include "graph/point_queries.h"
#include "graph/walk.h"

namespace anear {

// How neighbours are chosen, by the numbers of NMSLIB's delaunay_type.
enum class Rule {
  nearest = 0,  // the nearest
  filled = 1,   // as pruned, then the nearest of those left out
  pruned = 2,   // each in turn, unless one taken before is nearer to it (relative neighbourhood graphs)
  ranked = 3,   // as pruned; those that none left out is nearer to come first
};

struct Pruning {
  Rule rule = Rule::pruned;
  // One taken before shuts another out if it is so many times nearer. Not 1 only where ranks are never negative; where
  // it is 1 ranks are only compared, and the rule means the same under every formula.
  double alpha = 1;
};

template <class Real>
class Chooser {
 public:
  // At most `most` of candidates sorted by (value, node). `offset`: of the query that the values are of.
  const std::vector<std::int32_t>& operator()(const Pruning& pruning, const Spot<Real>* candidates, std::size_t count,
                                              std::size_t most, Real offset, const PointQueries& queries,
                                              const std::vector<std::int32_t>& nodes, Scorer<Real>& scorer) {
    chosen_.clear();
    return more(pruning, candidates, count, most, offset, queries, nodes, scorer);
  }

  // The same beside some that are chosen already; not for Rule::ranked.
  const std::vector<std::int32_t>& beside(const std::vector<std::int32_t>& chosen, const Pruning& pruning,
                                          const Spot<Real>* candidates, std::size_t count, std::size_t most,
                                          Real offset, const PointQueries& queries,
                                          const std::vector<std::int32_t>& nodes, Scorer<Real>& scorer) {
    chosen_ = chosen;
    return more(pruning, candidates, count, most, offset, queries, nodes, scorer);
  }

 private:
  const std::vector<std::int32_t>& more(const Pruning& pruning, const Spot<Real>* candidates, std::size_t count,
                                        std::size_t most, Real offset, const PointQueries& queries,
                                        const std::vector<std::int32_t>& nodes, Scorer<Real>& scorer) {
    rejected_.clear();
    alpha_ = static_cast<Real>(pruning.alpha);
    offset_ = offset;
    if (pruning.rule == Rule::nearest) {
      for (std::size_t i = 0; i < count && chosen_.size() < most; ++i) chosen_.push_back(candidates[i].node);
      return chosen_;
    }
    if (pruning.rule == Rule::ranked) return ranked(candidates, count, most, queries, nodes, scorer);
    // Most are chosen from the first: the others are looked at when these are used up.
    const std::size_t window = std::max<std::size_t>(2 * most, 32);
    for (std::size_t first = 0; first < count && chosen_.size() < most; first += window) {
      left_.assign(candidates + first, candidates + std::min(count, first + window));
      for (const std::int32_t node : chosen_) reject(node, queries, nodes, scorer);
      while (!left_.empty()) {
        chosen_.push_back(left_.front().node);
        left_.erase(left_.begin());
        if (chosen_.size() == most) break;
        reject(chosen_.back(), queries, nodes, scorer);
      }
    }
    if (pruning.rule == Rule::filled) {
      std::sort(rejected_.begin(), rejected_.end());
      const std::size_t more = std::min(most - chosen_.size(), rejected_.size());
      for (std::size_t i = 0; i < more; ++i) chosen_.push_back(rejected_[i].node);
    }
    return chosen_;
  }

  // Values of what is left, as seen from a node, comparable to their own.
  const Real* seen_from(std::int32_t node, const PointQueries& queries, const std::vector<std::int32_t>& nodes,
                        Scorer<Real>& scorer) {
    ids_.clear();
    for (const Spot<Real>& spot : left_) ids_.push_back(spot.node);
    const std::byte* query = queries.at(nodes.empty() ? node : nodes[node], query_);
    between_ = queries.offset<Real>(query);
    scorer.at(query);
    return scorer(ids_.data(), static_cast<std::int64_t>(ids_.size()));
  }

  bool shuts_out(Real seen, const Spot<Real>& spot) const {
    if (alpha_ == 1) return seen + (between_ - offset_) < spot.value;
    return alpha_ * (seen + between_) < spot.value + offset_;
  }

  // Leaves out what the node is nearer to.
  void reject(std::int32_t node, const PointQueries& queries, const std::vector<std::int32_t>& nodes,
              Scorer<Real>& scorer) {
    if (left_.empty()) return;
    const Real* values = seen_from(node, queries, nodes, scorer);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (shuts_out(values[i], left_[i])) {
        rejected_.push_back(left_[i]);
      } else {
        left_[kept++] = left_[i];
      }
    }
    left_.resize(kept, {});
  }

  // Those that no candidate before them shuts out, then those that only candidates left out do.
  const std::vector<std::int32_t>& ranked(const Spot<Real>* candidates, std::size_t count, std::size_t most,
                                          const PointQueries& queries, const std::vector<std::int32_t>& nodes,
                                          Scorer<Real>& scorer) {
    enum : std::uint8_t { free, doubtful, out };
    std::vector<std::uint8_t> states(count, free);
    std::vector<std::int32_t> second;
    for (std::size_t i = 0; i < count && chosen_.size() < most; ++i) {
      if (states[i] == free) chosen_.push_back(candidates[i].node);
      if (states[i] == doubtful) second.push_back(candidates[i].node);
      left_.assign(candidates + i + 1, candidates + count);
      if (left_.empty()) break;
      const Real* values = seen_from(candidates[i].node, queries, nodes, scorer);
      const std::uint8_t least = states[i] == out ? doubtful : out;
      for (std::size_t j = 0; j < left_.size(); ++j) {
        if (shuts_out(values[j], left_[j])) states[i + 1 + j] = std::max(states[i + 1 + j], least);
      }
    }
    const std::size_t more = std::min(most - chosen_.size(), second.size());
    chosen_.insert(chosen_.end(), second.begin(), second.begin() + static_cast<std::ptrdiff_t>(more));
    return chosen_;
  }

  std::vector<std::int32_t> chosen_, ids_;
  std::vector<Spot<Real>> left_, rejected_;
  PreparedQueries query_;
  Real alpha_ = 1, offset_ = 0, between_ = 0;
};

}  // namespace anear
