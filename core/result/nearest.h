// What a k-NN search keeps that meets its points a few at a time, the near ones first.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "base/memory.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/lanes.h"
#include "result/margin.h"
#include "result/neighbor.h"
#include "result/shortlist.h"

namespace anear {

// From the k-th smallest computed value v to a limit: v + growth*|v| + shift, rounded up. All that a margin says in two
// numbers, so that a new limit costs a few nanoseconds.
struct LimitRule {
  double growth = 0;
  double shift = 0;

  template <class Real>
  Real operator()(Real value) const {
    return limit<Real>(value);
  }

  template <class Real>
  Real limit(double v) const {
    // what the three roundings here and the cast may take away
    constexpr double kRoundings = sizeof(Real) == 4 ? 0x1p-22 : 0x1p-50;
    const double bound = v + (growth + kRoundings) * std::abs(v) + shift;
    const auto limit = static_cast<Real>(bound + kRoundings * std::abs(shift) + std::numeric_limits<Real>::min());
    return limit < std::numeric_limits<Real>::infinity() ? limit : std::numeric_limits<Real>::quiet_NaN();
  }
};

// The rule for values off by `margin` that are to be compared with values of another table, off by `other`, whose offset
// is larger by `ahead`, itself off by `error`. NaN in it lets everything pass.
inline LimitRule limit_rule(const Margin& margin, const Margin& other, double ahead = 0, double error = 0) {
  if (!(margin.relative < 0.5 && other.relative < 0.5)) return {0, std::numeric_limits<double>::quiet_NaN()};
  // largest_true is at most v + slack + 2 relative |v + slack|, the rank is that plus the offset
  const double grow = 2 * margin.relative;
  const double reach = margin.slack * (1 + grow);
  return {grow + other.relative * (1 + grow),
          reach + other.slack + other.relative * (reach + std::abs(ahead)) - ahead + error * (1 + other.relative)};
}

// What the k-th smallest value of points allows other points, and nodes.
struct LimitRules {
  LimitRule points, nodes;
};

// Where candidates' rows are: a leaf that was just scanned is in the cache, and may hold its points' rows as they are,
// turned; the rows themselves lie anywhere in memory.
struct LeafRows {
  const std::int32_t* order = nullptr;  // the id at each place
  const std::byte* blocks = nullptr;    // null: the leaves do not hold the rows
  std::int64_t block_bytes = 0, lanes = 1;
  int shift = 0;  // lanes are 2^shift
  std::int64_t columns = 0, item_bytes = 0;

  bool copies() const { return blocks != nullptr; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(columns * item_bytes); }
  void copy(std::int32_t place, std::byte* row) const {
    const std::byte* from = blocks + (place >> shift) * block_bytes + (place & (lanes - 1)) * item_bytes;
    if (item_bytes == 8) {
      copy_doubles(reinterpret_cast<const double*>(from), reinterpret_cast<double*>(row));
    } else {
      for (std::int64_t j = 0; j < columns; ++j) std::memcpy(row + 4 * j, from + 4 * j * lanes, 4);
    }
  }
  // By twos, as they will be read at once: what was written in pieces is read only once it has come to the cache, behind
  // all that was written before.
  void copy_doubles(const double* from, double* row) const {
    std::int64_t j = 0;
    for (; j + 2 <= columns; j += 2) TwoDoubles::of(from[j * lanes], from[(j + 1) * lanes]).store(row + j);
    if (j < columns) row[j] = from[j * lanes];
  }
};

// The k smallest values seen so far say what is still of interest; every candidate below that is kept until the end,
// when the exact distances decide. Ranks of padding and of what is not admitted never come in.
template <class Real>
class Nearest {
 public:
  // `leaves` must outlive the query; ids come from its order.
  void reset(std::size_t k, const LimitRules& rules, const Admission& admission, const ExactQuery& exact,
             const LeafRows& leaves) {
    leaves_ = &leaves;
    k_ = k;
    rules_ = rules;
    admission_ = admission;
    filtered_ = admission.allowed != nullptr || admission.excluded >= 0;
    exact_ = exact;
    limit_ = node_limit_ = std::numeric_limits<Real>::quiet_NaN();
    most_ = std::max(4 * k, k + 2048);
    size_ = 0;
    undecided_.clear();
    settled_.clear();
    doubtful_ = false;
    listed_ = k <= Shortlist::kMost;
    listed_ ? shortlist_.reset(k) : empty_memory();
  }

  // Only values that are NOT >= this (NaN: all) are worth adding, and only nodes with such a bound worth a visit.
  Real limit() const { return limit_; }
  Real node_limit() const { return node_limit_; }

  // Adds point ids[i] with values[i] for every bit i of `mask`.
  void add_lanes(const Real* values, std::uint64_t mask, const std::int32_t* ids) {
    if (filtered_) mask = admitted(mask, ids);
    if (mask == 0) return;
    if (candidates_.size() < size_ + kMostLanes) candidates_.resize(2 * (size_ + kMostLanes));
    if (listed_ && !add_listed(values, mask, ids)) forget_list();
    if (!listed_) add_others(values, mask, ids);
    if (size_ + undecided_.size() >= most_) prune();
  }

  // Adds a point of which no value is known.
  void add_unknown(std::int32_t id) {
    if (!admission_.admits(id)) return;
    undecided_.push_back(id);
    if (undecided_.size() < most_) return;
    if (listed_) forget_list();
    settle();
  }

  // The k nearest, sorted by (distance, id); valid until the next call.
  const std::vector<Neighbor>& finish() {
    const std::size_t few = listed_ ? shortlist_.below(limit_) : 0;
    few > 0 ? keep_listed(few) : drop_far();
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

  bool add_listed(const Real* values, std::uint64_t mask, const std::int32_t* ids) {
    const double before = shortlist_.largest();
    const auto place = static_cast<std::int32_t>(ids - leaves_->order);
    const std::size_t size = shortlist_.add(values, mask, size_, candidates_.data(), place);
    if (size == size_) return false;
    size_ = size;
    if (const double kth = shortlist_.largest(); kth < before) lower_limits(kth);
    return true;
  }

  // First all of them lower the limit, and then only those still below it become candidates: of the first leaf's many
  // hardly more than k.
  void add_others(const Real* values, std::uint64_t mask, const std::int32_t* ids) {
    Real kth = largest();
    bool lower = false;
    for (std::uint64_t left = mask; left != 0; left &= left - 1) {
      const Real value = values[std::countr_zero(left)];
      if (!(value < kth)) continue;
      insert(value);
      kth = largest();
      lower = true;
    }
    if (lower && kth < std::numeric_limits<Real>::infinity()) lower_limits(kth);
    for (mask &= passing_lanes(values, std::bit_width(mask), limit_); mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      if (values[lane] == values[lane]) {
        candidates_[size_++] = Candidate<Real>(values[lane], static_cast<std::int32_t>(ids - leaves_->order) + lane);
      } else {
        undecided_.push_back(ids[lane]);  // a prepared form may be NaN where the formula is a number
      }
    }
  }

  void lower_limits(double kth) {
    limit_ = rules_.points.template limit<Real>(kth);
    node_limit_ = rules_.nodes.template limit<Real>(kth);
  }

  void empty_memory() {
    places_ = static_cast<std::int64_t>(k_ <= kInserted ? (k_ + 3) / 4 * 4 : k_);
    memory_.resize(static_cast<std::size_t>(places_) + 1);
    memory_[0] = -std::numeric_limits<Real>::infinity();
    std::fill(memory_.begin() + 1, memory_.end(), std::numeric_limits<Real>::infinity());
  }

  // Goes on without the list: it has no numbers for more candidates, and no place for values that are not finite.
  void forget_list() {
    listed_ = false;
    empty_memory();
    for (std::size_t i = 0; i < size_; ++i) {
      if (candidates_[i].value() < largest()) insert(candidates_[i].value());
    }
  }

  // All that may be answers is in the list, in the order of its values, which mostly is that of the distances.
  void keep_listed(std::size_t count) {
    std::array<Candidate<Real>, Shortlist::kMost + 1> kept;
    for (std::size_t i = 0; i < count; ++i) kept[i] = candidates_[shortlist_.number(i)];
    std::copy_n(kept.begin(), count, candidates_.begin());
    size_ = count;
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

  std::uint64_t admitted(std::uint64_t mask, const std::int32_t* ids) const {
    std::uint64_t admitted = 0;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      admitted |= std::uint64_t{admission_.admits(ids[lane])} << lane;
    }
    return admitted;
  }

  void drop_far() {
    const auto far = [&](const Candidate<Real>& c) { return c.value() >= limit_; };
    size_ = static_cast<std::size_t>(std::remove_if(candidates_.data(), candidates_.data() + size_, far) -
                                     candidates_.data());
  }

  void prune() {
    if (listed_) forget_list();
    drop_far();
    if (size_ + undecided_.size() >= most_ / 2) settle();
  }

  // Replaces candidates by exact neighbours and keeps the k nearest of these. The limit stays: it was found from k points.
  void settle() {
    ids_.resize(size_);
    for (std::size_t i = 0; i < size_; ++i) ids_[i] = leaves_->order[candidates_[i].id()];
    const std::size_t before = settled_.size();
    if (leaves_->copies()) {
      std::byte* const rows = rows_.ensure(size_ * leaves_->row_bytes());
      for (std::size_t i = 0; i < size_; ++i) leaves_->copy(candidates_[i].id(), rows + i * leaves_->row_bytes());
      exact_.append_copied(ids_, rows, distances_, settled_);
    } else {
      exact_.append(ids_, distances_, settled_);
    }
    doubtful_ |= settled_.size() - before < ids_.size();
    exact_.append(undecided_, distances_, settled_);
    size_ = 0;
    undecided_.clear();
    if (settled_.size() > k_) {
      std::nth_element(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(k_), settled_.end());
      settled_.resize(k_, Neighbor{});
    }
  }

  std::size_t k_ = 0;
  Shortlist shortlist_;  // of the values; where k is small, and while `listed_`
  bool listed_ = false;
  LimitRules rules_;
  Admission admission_;
  bool filtered_ = false;
  ExactQuery exact_;
  Real limit_ = 0, node_limit_ = 0;
  std::size_t most_ = 0;
  bool doubtful_ = false;
  std::int64_t places_ = 0;   // for the smallest values: k, or the next multiple of 4
  std::vector<Real> memory_;  // minus infinity, then the smallest values: sorted, or a heap with the largest in front;
                              // unused while `listed_`
  const LeafRows* leaves_ = nullptr;
  AlignedArray<std::byte> rows_;  // scratch
  std::vector<Candidate<Real>>
      candidates_;  // their places among the leaves; the first size_ count; the rest is room for more
  std::size_t size_ = 0;
  std::vector<std::int32_t> undecided_;
  std::vector<Neighbor> settled_;
  std::vector<std::int32_t> ids_;  // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
