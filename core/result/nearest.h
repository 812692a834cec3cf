// What a k-NN search keeps that meets its points a few at a time, the near ones first.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "base/memory.h"
#include "result/exact.h"
#include "result/hits.h"
#include "result/lanes.h"
#include "result/leaders.h"
#include "result/neighbor.h"
#include "result/shortlist.h"
#include "result/two_doubles.h"

namespace anear {

// Where candidates' rows are: a leaf that was just scanned is in the cache, and may hold its points' rows as they are,
// turned; the rows themselves lie anywhere in memory.
struct LeafRows {
  const PointId* order = nullptr;     // the id at each place
  const std::byte* blocks = nullptr;  // null: the leaves do not hold the rows
  std::int64_t block_bytes = 0, lanes = 1;
  int shift = 0;  // lanes are 2^shift
  std::int64_t columns = 0, item_bytes = 0;

  bool copies() const { return blocks != nullptr; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(columns * item_bytes); }
  // Where a leaf holds its points' rows: that of its first point begins there, each other's `item_bytes` further on.
  const std::byte* rows_of(PointId place) const { return copies() ? blocks + (place >> shift) * block_bytes : nullptr; }
  void copy(PointId place, std::byte* row) const {
    copy_from(rows_of(place) + (place & (lanes - 1)) * item_bytes, row);
  }
  void copy_from(const std::byte* from, std::byte* row) const {
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
  // What is the same for all queries of a search. `leaves` must outlive them; ids come from their order.
  void prepare(std::size_t k, const LeafRows& leaves) {
    leaves_ = &leaves;
    k_ = k;
    most_ = std::max(4 * k, k + 2048);
    room_.ensure(Shortlist::kNumbers + kMostLanes);
    seen_.ensure(Shortlist::kNumbers >> leaves.shift);
    if (leaves.copies()) rows_.ensure((Shortlist::kMost + 1) * leaves.row_bytes());
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
    listed_ = k_ <= Shortlist::kMost;
    blocks_ = 0;
    if (!listed_) empty_memory();
  }

  Real limit() const { return leaders_->limit(); }
  Real node_limit() const { return leaders_->node_limit(); }

  // Where the values of a block may be put that is to be added: those of another then have another place.
  Real* room() { return room_.data() + blocks_ * leaves_->lanes; }

  // Adds point ids[i] with values[i] for every bit i of `mask`, a block's. The values must stay until the end.
  void add_lanes(const Real* values, std::uint64_t mask, const PointId* ids) {
    if (filtered_) mask = admitted(mask, ids);
    if (mask == 0) return;
    if (listed_) {
      if (list_lanes(values, mask, ids)) return;
      forget_list();
    }
    add_others(values, mask, ids);
    if (size_ + undecided_.size() >= most_) prune();
  }

  // The same of one that the leaders have listed already; these come first, and their numbers began with 0.
  void add_listed(const Real* values, std::uint64_t mask, const PointId* ids) {
    seen_[blocks_++] = {values, mask, ids, leaves_->rows_of(static_cast<PointId>(ids - leaves_->order))};
  }

  // Adds a point of which no value is known.
  void add_unknown(PointId id) {
    if (!admission_.admits(id)) return;
    undecided_.push_back(id);
    if (undecided_.size() < most_) return;
    if (listed_) forget_list();
    settle();
  }

  // The k nearest, sorted by (distance, id); valid until the next call.
  std::span<const Neighbor> finish() {
    const std::size_t few = listed_ ? leaders_->few() : 0;
    if (few > 0 && settled_.empty() && undecided_.empty() && leaves_->copies()) {
      return few == 1 ? settle_one() : settle_few(few);
    }
    if (few > 0) {
      settle(few, [&](std::size_t i) { return place_of(leaders_->number(i)); });
    } else {
      if (listed_) forget_list();
      drop_far();
    }
    settle();
    if (!std::is_sorted(settled_.begin(), settled_.end())) std::sort(settled_.begin(), settled_.end());
    return settled_;
  }

  // The same of a query whose only candidate is that at a place, without anything added before.
  std::span<const Neighbor> finish_one(std::int64_t place, const ExactQuery& exact) {
    exact_ = exact;
    leaves_->copy(static_cast<PointId>(place), rows_.data());
    return answer_one(leaves_->order[place]);
  }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

  // Whether a candidate with a value turned out to have no distance: then the limit was too low, and others were missed.
  bool doubtful() const { return doubtful_; }

 private:
  static constexpr std::size_t kMostLanes = 64;  // that one call adds
  static constexpr std::size_t kInserted = 48;   // up to so many are kept sorted, which is faster than a heap

  struct Block {
    const Real* values;
    std::uint64_t mask;
    const PointId* ids;
    const std::byte* rows;  // where leaves hold them
  };

  bool list_lanes(const Real* values, std::uint64_t mask, const PointId* ids) {
    const std::int64_t first = blocks_ << leaves_->shift;
    if (first == Shortlist::kNumbers || !leaders_->add(values, mask, first)) return false;
    add_listed(values, mask, ids);
    return true;
  }

  PointId place_of(std::int64_t number) const {
    const std::int64_t lane = number & (leaves_->lanes - 1);
    return static_cast<PointId>(seen_[number >> leaves_->shift].ids + lane - leaves_->order);
  }

  // First all of them lower the limit, and then only those still below it become candidates: of the first leaf's many
  // hardly more than k.
  void add_others(const Real* values, std::uint64_t mask, const PointId* ids) {
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

  // Goes on without the list: it has no numbers for more blocks, and no place for values that are not finite.
  void forget_list() {
    listed_ = false;
    empty_memory();
    const auto lanes = static_cast<int>(leaves_->lanes);
    for (std::int64_t i = 0; i < blocks_; ++i) {
      const Block& block = seen_[i];
      for (int lane = 0; lane < lanes; ++lane) {
        if (block.mask >> lane & 1 && block.values[lane] < largest()) insert(block.values[lane]);
      }
      add_candidates(block.values, block.mask, block.ids);
    }
    blocks_ = 0;
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

  std::uint64_t admitted(std::uint64_t mask, const PointId* ids) const {
    std::uint64_t admitted = 0;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      admitted |= std::uint64_t{admission_.admits(ids[lane])} << lane;
    }
    return admitted;
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
    settle(size_, [&](std::size_t i) { return candidates_[i].id(); });
    size_ = 0;
    exact_.append(undecided_, distances_, settled_);
    undecided_.clear();
    if (settled_.size() > k_) {
      std::nth_element(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(k_), settled_.end());
      settled_.resize(k_, Neighbor{});
    }
  }

  // The only candidate, as most queries for one neighbour have: without the loops, which cost more than it does.
  std::span<const Neighbor> settle_one() {
    PointId id;
    copy_leaders(1, &id);
    return answer_one(id);
  }
  // Of a row that was brought.
  std::span<const Neighbor> answer_one(PointId id) {
    double distance = 0;
    exact_.distances_of(rows_.data(), leaves_->row_bytes(), 1, &distance);
    few_[0] = {distance, id};
    doubtful_ = !(distance == distance);
    return {few_.data(), 1};
  }

  // The only candidates, as most queries have.
  std::span<const Neighbor> settle_few(std::size_t few) {
    std::array<PointId, Shortlist::kMost + 1> ids;
    std::array<double, Shortlist::kMost + 1> distances;
    copy_leaders(few, ids.data());
    exact_.distances_of(rows_.data(), leaves_->row_bytes(), few, distances.data());
    bool sorted = true;  // and no NaN
    double before = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < few; ++i) {
      few_[i] = {distances[i], ids[i]};
      sorted &= before < distances[i];
      before = distances[i];
    }
    if (!sorted) {
      for (std::size_t i = 0; i < few; ++i) doubtful_ |= !(distances[i] == distances[i]);
      if (doubtful_) return {};
      std::sort(few_.begin(), few_.begin() + static_cast<std::ptrdiff_t>(few));
    }
    return {few_.data(), std::min(few, k_)};
  }

  // Brings the leaders' rows together.
  void copy_leaders(std::size_t few, PointId* ids) {
    switch (leaves_->item_bytes == 8 ? leaves_->columns : 0) {
      case 2:
        return copy_leaders<2>(few, ids);
      case 3:
        return copy_leaders<3>(few, ids);
      default:
        return copy_leaders<0>(few, ids);
    }
  }

  // `columns`: of doubles, where the compiler is to know; else 0. All that is read was put by value beside what is
  // written, for the compiler has to think that rows may be written over it.
  template <std::int64_t columns>
  void copy_leaders(std::size_t few, PointId* ids) {
    LeafRows leaves = *leaves_;
    if (columns > 0) {
      leaves.columns = columns;
      leaves.item_bytes = 8;
    }
    const Block* const seen = seen_.data();
    std::byte* row = rows_.data();
    for (std::size_t i = 0; i < few; ++i, row += leaves.row_bytes()) {
      const std::int64_t number = leaders_->number(i), lane = number & (leaves.lanes - 1);
      const Block& block = seen[number >> leaves.shift];
      ids[i] = block.ids[lane];
      leaves.copy_from(block.rows + lane * leaves.item_bytes, row);
    }
  }

  template <class PlaceAt>
  void settle(std::size_t count, const PlaceAt& place_at) {
    if (count == 0) return;
    ids_.resize(count);
    const std::size_t before = settled_.size();
    if (leaves_->copies()) {
      const std::size_t bytes = leaves_->row_bytes();
      std::byte* const rows = rows_.ensure(count * bytes);
      for (std::size_t i = 0; i < count; ++i) {
        const PointId place = place_at(i);
        ids_[i] = leaves_->order[place];
        leaves_->copy(place, rows + i * bytes);
      }
      exact_.append_copied(ids_, rows, distances_, settled_);
    } else {
      for (std::size_t i = 0; i < count; ++i) ids_[i] = leaves_->order[place_at(i)];
      exact_.append(ids_, distances_, settled_);
    }
    doubtful_ |= settled_.size() - before < count;
  }

  std::size_t k_ = 0;
  Leaders<Real>* leaders_ = nullptr;
  bool listed_ = false;       // whether the leaders keep the values: where k is small, and no value odd
  AlignedArray<Block> seen_;  // the blocks whose values are listed
  AlignedArray<Real> room_;
  std::int64_t blocks_ = 0;
  Admission admission_;
  bool filtered_ = false;
  ExactQuery exact_;
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
  std::vector<PointId> undecided_;
  std::vector<Neighbor> settled_;
  std::array<Neighbor, Shortlist::kMost + 1> few_;  // where all candidates are the leaders
  std::vector<PointId> ids_;                        // scratch
  std::vector<double> distances_;                   // scratch
};

}  // namespace anear
