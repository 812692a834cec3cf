// What a k-NN search keeps of the candidates it meets.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "result/exact.h"
#include "result/margin.h"
#include "result/neighbor.h"

namespace anear {

// A reservoir: candidates are appended until it is full, then all but the best are dropped at once (nth_element), which
// costs a few comparisons a candidate where a heap costs log k of them.
//
// With a margin it keeps every candidate that may belong to the k nearest, given how far computed values may be off:
// those up to the k-th computed value plus twice the error. Should these become too many (all points alike, an error
// larger than the distances), it asks for their exact distances, keeps the k nearest and goes on: memory is bounded.
template <class Real>
class Collector {
 public:
  // `exact` must outlive the collector's use; without a margin it is needed by `finish` alone.
  void reset(std::size_t k, Margin margin, const ExactQuery& exact) {
    k_ = k;
    margin_ = margin;
    exact_ = exact;
    limit_ = std::numeric_limits<Real>::quiet_NaN();
    most_ = std::max(4 * k, k + 2048);
    candidates_.clear();
    undecided_.clear();
    settled_.clear();
    set_trigger();
  }

  // Only values that are NOT >= this (NaN: all) are worth adding.
  Real limit() const { return limit_; }

  void add(Real value, std::int32_t id) {
    if (value != value) {
      if (margin_.active()) add_unknown(id);  // else computed values count as they are, and NaN is no distance
    } else {
      candidates_.emplace_back(value, id);
      if (candidates_.size() >= trigger_) compact();
    }
  }

  // Adds a point of which no value is known.
  void add_unknown(std::int32_t id) {
    undecided_.push_back(id);
    if (undecided_.size() >= most_) settle();
  }

  // Lowers the limit if enough has been added since the last time to make that likely.
  void tighten() {
    if (candidates_.size() >= tighten_from_) compact();
  }

  // Adds everything that `other` has kept, for the same query over other points.
  void merge(const Collector& other) {
    candidates_.insert(candidates_.end(), other.candidates_.begin(), other.candidates_.end());
    undecided_.insert(undecided_.end(), other.undecided_.begin(), other.undecided_.end());
    settled_.insert(settled_.end(), other.settled_.begin(), other.settled_.end());
    lower_limit(other.limit_);
  }

  // The k nearest, sorted by (distance, id); valid until the next call.
  const std::vector<Neighbor>& finish() {
    if (candidates_.size() > k_) select_candidates();
    settle();
    std::sort(settled_.begin(), settled_.end());
    return settled_;
  }

 private:
  void set_trigger() {
    const std::size_t size = candidates_.size();
    tighten_from_ = std::max(size + 1 + k_ / 8, k_);
    trigger_ = std::max(size, k_) + std::max<std::size_t>(std::max(size, k_), 24);
  }

  void lower_limit(Real limit) {
    if (limit == limit && !(limit_ <= limit)) limit_ = limit;
  }

  void compact() {
    if (candidates_.size() >= k_) select_candidates();
    if (candidates_.size() > most_) settle();
    set_trigger();
  }

  // Finds the k-th smallest value and drops what cannot be among the k nearest.
  void select_candidates() {
    const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(candidates_.begin(), kth, candidates_.end());
    const Real value = kth->value();
    if (!margin_.active()) {
      candidates_.erase(kth + 1, candidates_.end());
      lower_limit(value);
      return;
    }
    lower_limit(exclusive_limit<Real>(margin_.largest_computed(margin_.largest_true(value))));
    candidates_.erase(std::partition(kth + 1, candidates_.end(), [&](const auto& c) { return !(c.value() >= limit_); }),
                      candidates_.end());
  }

  // Replaces candidates by exact neighbours and keeps the k nearest of these. The limit stays: it was found from k points.
  void settle() {
    ids_.clear();
    for (const auto& candidate : candidates_) ids_.push_back(candidate.id());
    ids_.insert(ids_.end(), undecided_.begin(), undecided_.end());
    candidates_.clear();
    undecided_.clear();
    std::sort(ids_.begin(), ids_.end());  // rows in the order of memory
    exact_.append(ids_, distances_, settled_);
    if (settled_.size() > k_) {
      std::nth_element(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(k_), settled_.end());
      settled_.resize(k_, Neighbor{});
    }
  }

  std::size_t k_ = 0;
  Margin margin_;
  ExactQuery exact_;
  Real limit_ = 0;
  std::size_t most_ = 0, trigger_ = 0, tighten_from_ = 0;
  std::vector<Candidate<Real>> candidates_;
  std::vector<std::int32_t> undecided_;  // no value known, or NaN
  std::vector<Neighbor> settled_;
  std::vector<std::int32_t> ids_;  // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
