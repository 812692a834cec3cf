// What a k-NN search keeps that meets its points a few at a time, the near ones first.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/memory.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/lanes.h"
#include "result/leaders.h"
#include "result/leaf_rows.h"
#include "result/neighbor.h"

namespace anear {

// The k smallest values seen so far say what is still of interest; every candidate below that is kept until the end,
// when the exact distances decide. Ranks of padding and of what is not admitted never come in.
template <class Real>
class Nearest {
 public:
  // What is the same for all queries of a search. `leaves` must outlive them; ids come from their order.
  void prepare(std::size_t k, const LeafRows& leaves) {
    leaves_ = &leaves;
    k_ = k;
    most_ = std::max(4 * k, k + 2048);
    room_.ensure(kMostLanes);
  }

  // `leaders` must outlive the query.
  void reset(Leaders<Real>& leaders, const Admission& admission, const ExactQuery& exact) {
    leaders_ = &leaders;
    admission_ = admission;
    filtered_ = admission.allowed != nullptr || admission.excluded != kNobody;
    exact_ = exact;
    size_ = 0;
    undecided_.clear();
    settled_.clear();
    doubtful_ = false;
    empty_memory();
  }

  Real limit() const { return leaders_->limit(); }
  Real node_limit() const { return leaders_->node_limit(); }

  // Where the values of a block may be put that is to be added.
  Real* room() { return room_.data(); }

  // Adds point ids[i] with values[i] for every bit i of `mask`, a block's.
  void add_lanes(const Real* values, std::uint64_t mask, const PointId* ids) {
    if (filtered_) mask = admission_.among(ids, mask);
    if (mask == 0) return;
    add_values(values, mask, ids);
    if (size_ + undecided_.size() >= most_) prune();
  }

  // Adds a point of which no value is known.
  void add_unknown(PointId id) {
    if (!admission_.admits(id)) return;
    undecided_.push_back(id);
    if (undecided_.size() >= most_) settle();
  }

  // The k nearest, sorted by (distance, id); valid until the next call.
  std::span<const Neighbor> finish() {
    drop_far();
    settle();
    if (!std::is_sorted(settled_.begin(), settled_.end())) std::sort(settled_.begin(), settled_.end());
    return settled_;
  }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

  // Whether a candidate with a value turned out to have no distance: then the limit was too low, and others were missed.
  bool doubtful() const { return doubtful_; }

 private:
  static constexpr std::size_t kMostLanes = 64;  // that one call adds
  static constexpr std::size_t kInserted = 48;   // up to so many are kept sorted, which is faster than a heap

  // First all of them lower the limit, and then only those still below it become candidates: of the first leaf's many
  // hardly more than k.
  void add_values(const Real* values, std::uint64_t mask, const PointId* ids) {
    Real kth = largest();
    bool lower = false;
    for (std::uint64_t left = mask; left != 0; left &= left - 1) {
      const Real value = values[std::countr_zero(left)];
      if (!(value < kth)) continue;
      insert(value);
      kth = largest();
      lower = true;
    }
    if (lower && kth < std::numeric_limits<Real>::infinity()) leaders_->lower(kth);
    add_candidates(values, mask, ids);
  }

  void add_candidates(const Real* values, std::uint64_t mask, const PointId* ids) {
    if (candidates_.size() < size_ + kMostLanes) candidates_.resize(2 * (size_ + kMostLanes));
    for (mask &= passing_lanes(values, std::bit_width(mask), limit()); mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      if (values[lane] == values[lane]) {
        candidates_[size_++] = Candidate<Real>(values[lane], static_cast<PointId>(ids - leaves_->order) + lane);
      } else {
        undecided_.push_back(ids[lane]);  // a prepared form may be NaN where the formula is a number
      }
    }
  }

  void empty_memory() {
    places_ = static_cast<std::int64_t>(k_ <= kInserted ? (k_ + 3) / 4 * 4 : k_);
    memory_.resize(static_cast<std::size_t>(places_) + 1);
    memory_[0] = -std::numeric_limits<Real>::infinity();
    std::fill(memory_.begin() + 1, memory_.end(), std::numeric_limits<Real>::infinity());
  }

  // The largest of the k smallest.
  Real largest() const { return k_ <= kInserted ? memory_[k_] : memory_[1]; }

  void insert(Real value) {
    Real* const smallest = memory_.data() + 1;
    if (k_ <= kInserted) return insert_sorted(smallest, places_, value);
    std::pop_heap(smallest, smallest + k_);
    smallest[k_ - 1] = value;
    std::push_heap(smallest, smallest + k_);
  }

  void drop_far() {
    const auto far = [limit = limit()](const Candidate<Real>& c) { return c.value() >= limit; };
    size_ = static_cast<std::size_t>(std::remove_if(candidates_.data(), candidates_.data() + size_, far) -
                                     candidates_.data());
  }

  void prune() {
    drop_far();
    if (size_ + undecided_.size() >= most_ / 2) settle();
  }

  // Replaces candidates by exact neighbours and keeps the k nearest of these. The limit stays: it was found from k points.
  void settle() {
    settle_candidates();
    size_ = 0;
    exact_.append(undecided_, distances_, settled_);
    undecided_.clear();
    if (settled_.size() > k_) {
      std::nth_element(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(k_), settled_.end());
      settled_.resize(k_, Neighbor{});
    }
  }

  void settle_candidates() {
    if (size_ == 0) return;
    ids_.resize(size_);
    const std::size_t before = settled_.size();
    if (leaves_->copies()) {
      const std::size_t bytes = leaves_->row_bytes();
      std::byte* const rows = rows_.ensure(size_ * bytes);
      for (std::size_t i = 0; i < size_; ++i) {
        const PointId place = candidates_[i].id();
        ids_[i] = leaves_->order[place];
        leaves_->copy(place, rows + i * bytes);
      }
      exact_.append_copied(ids_, rows, distances_, settled_);
    } else {
      for (std::size_t i = 0; i < size_; ++i) ids_[i] = leaves_->order[candidates_[i].id()];
      exact_.append(ids_, distances_, settled_);
    }
    doubtful_ |= settled_.size() - before < size_;
  }

  std::size_t k_ = 0;
  Leaders<Real>* leaders_ = nullptr;
  AlignedArray<Real> room_;
  Admission admission_;
  bool filtered_ = false;
  ExactQuery exact_;
  std::size_t most_ = 0;
  bool doubtful_ = false;
  std::int64_t places_ = 0;   // for the smallest values: k, or the next multiple of 4
  std::vector<Real> memory_;  // minus infinity, then the smallest values: sorted, or a heap with the largest in front
  const LeafRows* leaves_ = nullptr;
  AlignedArray<std::byte> rows_;  // scratch
  std::vector<Candidate<Real>>
      candidates_;  // their places among the leaves; the first size_ count; the rest is room for more
  std::size_t size_ = 0;
  std::vector<PointId> undecided_;
  std::vector<Neighbor> settled_;
  std::vector<PointId> ids_;       // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
