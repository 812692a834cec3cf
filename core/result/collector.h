// What a k-NN search keeps of the candidates it meets.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "result/exact.h"
#include "result/margin.h"
#include "result/neighbor.h"
#include "result/select.h"

namespace anear {

// A reservoir: candidates are appended until it is full, then all but the best are dropped at once, which costs
// a few comparisons a candidate where a heap costs log k of them.
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
    size_ = 0;
    undecided_.clear();
    settled_.clear();
    doubtful_ = false;
    set_trigger();
  }

  // Only values that are NOT >= this (NaN: all) are worth adding.
  Real limit() const { return limit_; }

  // Adds point first + i with value values[i] for every bit i of `mask`, which is not 0.
  void add_lanes(const Real* values, std::uint64_t mask, PointId first) {
    Candidate<Real>* const room = candidates_.data();
    std::uint64_t unordered = 0;
    do {  // no branch but the loop's: which lanes pass is hard to predict
      const int lane = std::countr_zero(mask);
      mask &= mask - 1;
      const bool ordered = values[lane] == values[lane];
      room[size_] = Candidate<Real>(values[lane], first + lane);
      size_ += ordered ? 1 : 0;
      unordered |= static_cast<std::uint64_t>(!ordered) << lane;
    } while (mask != 0);
    // A prepared form may be NaN where the formula is a number (0 * log 0 taken apart): the formula itself decides.
    for (; unordered != 0; unordered &= unordered - 1) {
      add_unknown(first + std::countr_zero(unordered));
    }
    if (size_ >= trigger_) compact();
  }

  // Adds a point of which no value is known.
  void add_unknown(PointId id) {
    undecided_.push_back(id);
    if (undecided_.size() >= most_) settle();
  }

  // Lowers the limit if enough has been added since the last time to make that likely.
  void tighten() {
    if (size_ >= tighten_from_) compact();
  }

  // Adds everything that `other` has kept, for the same query over other points.
  void merge(const Collector& other) {
    make_room(size_ + other.size_);
    std::copy_n(other.candidates_.begin(), other.size_, candidates_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += other.size_;
    undecided_.insert(undecided_.end(), other.undecided_.begin(), other.undecided_.end());
    settled_.insert(settled_.end(), other.settled_.begin(), other.settled_.end());
    doubtful_ = doubtful_ || other.doubtful_;
    lower_limit(other.limit_);
  }

  // The k nearest, sorted by (distance, id); valid until the next call.
  const std::vector<Neighbor>& finish() {
    if (size_ > k_) select_candidates();
    settle();
    std::sort(settled_.begin(), settled_.end());
    return settled_;
  }

  // After `finish`: whether a candidate with a value turned out to have no distance (y*y/y at 0, computed as y). Limits
  // count on k candidates' being answers, so one that is none may have kept answers out.
  bool doubtful() const { return doubtful_; }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

 private:
  static constexpr std::size_t kManyRows = 1024;

  static constexpr std::size_t kMostLanes = 64;  // that one call adds

  void set_trigger() {
    tighten_from_ = std::max(size_ + 1 + k_ / 8, k_);
    trigger_ = std::max(size_, k_) + std::max<std::size_t>(std::max(size_, k_), 24);
    make_room(trigger_ + kMostLanes);
  }

  void make_room(std::size_t size) {
    if (candidates_.size() < size) candidates_.resize(size, Candidate<Real>(0, 0));
  }

  void lower_limit(Real limit) {
    if (limit == limit && !(limit_ <= limit)) limit_ = limit;
  }

  void compact() {
    if (size_ >= k_) select_candidates();
    if (size_ > most_) settle();
    set_trigger();
  }

  // Finds the k-th smallest value and drops what cannot be among the k nearest.
  void select_candidates() {
    Candidate<Real>* const begin = candidates_.data();
    select_smallest(begin, size_, k_);
    const Real value = begin[k_ - 1].value();
    if (!margin_.active()) {
      size_ = k_;
      lower_limit(exclusive_limit<Real>(value));  // an equal value that is yet to come may have a smaller id
      return;
    }
    lower_limit(exclusive_limit<Real>(margin_.largest_computed(margin_.largest_true(value))));
    const auto passes = [&](const Candidate<Real>& c) { return !(c.value() >= limit_); };
    size_ = static_cast<std::size_t>(std::partition(begin + k_, begin + size_, passes) - begin);
  }

  // Replaces candidates by exact neighbours and keeps the k nearest of these. The limit stays: it was found from k points.
  void settle() {
    ids_.clear();
    for (std::size_t i = 0; i < size_; ++i) ids_.push_back(candidates_[i].id());
    size_ = 0;
    const std::size_t before = settled_.size();
    append_exact(ids_);
    doubtful_ = doubtful_ || settled_.size() - before < ids_.size();
    append_exact(undecided_);
    undecided_.clear();
    if (settled_.size() > k_) {
      std::nth_element(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(k_), settled_.end());
      settled_.resize(k_, Neighbor{});
    }
  }

  void append_exact(std::vector<PointId>& ids) {
    if (ids.size() > kManyRows) std::sort(ids.begin(), ids.end());  // so that neighbouring rows share a page
    exact_.append(ids, distances_, settled_);
  }

  std::size_t k_ = 0;
  Margin margin_;
  ExactQuery exact_;
  Real limit_ = 0;
  std::size_t most_ = 0, trigger_ = 0, tighten_from_ = 0;
  std::vector<Candidate<Real>> candidates_;  // the first size_ count; the rest is room for more
  std::size_t size_ = 0;
  std::vector<PointId> undecided_;  // no value known, or NaN
  std::vector<Neighbor> settled_;
  bool doubtful_ = false;
  std::vector<PointId> ids_;       // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
