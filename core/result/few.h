// The answer of a query whose leaders have listed all candidates there are.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "base/memory.h"
#include "result/exact.h"
#include "result/leaders.h"
#include "result/leaf_rows.h"
#include "result/neighbor.h"
#include "result/shortlist.h"

namespace anear {

template <class Real>
class Few {
 public:
  // What is the same for all queries of a search. `leaves` must outlive them; ids come from their order.
  void prepare(std::size_t k, const LeafRows& leaves) {
    leaves_ = &leaves;
    k_ = k;
    if (leaves.copies()) rows_.ensure(kMost * leaves.row_bytes());
  }

  // The k nearest of the `count` candidates listed, sorted by (distance, id), valid until the next call: number n is a
  // point of leaf n / lanes of `seen`.
  std::span<const Neighbor> finish(const Leaders<Real>& leaders, std::size_t count, const PointId* seen,
                                   ExactQuery exact) {
    if (leaves_->copies()) {
      copy_rows(leaders, count, seen);
      exact.distances_of(rows_.data(), leaves_->row_bytes(), count, distances_.data());
    } else {
      for (std::size_t i = 0; i < count; ++i) ids_[i] = leaves_->order[place(*leaves_, leaders.number(i), seen)];
      exact.distances(ids_.data(), static_cast<std::int64_t>(count), distances_.data());
    }
    return sort(count);
  }

  // The same of the only candidate, as most queries for one neighbour have, where leaves hold rows: without the loops,
  // which cost more than it does.
  std::span<const Neighbor> only(const Leaders<Real>& leaders, const PointId* seen, ExactQuery exact) {
    const PointId at = place(*leaves_, leaders.number(0), seen);
    leaves_->copy(at, rows_.data());
    exact.distances_of(rows_.data(), leaves_->row_bytes(), 1, distances_.data());
    few_[0] = {distances_[0], leaves_->order[at]};
    doubtful_ = !(distances_[0] == distances_[0]);
    return {few_.data(), 1};
  }

  // Whether a candidate with a value turned out to have no distance: then the limit was too low, and others were missed.
  bool doubtful() const { return doubtful_; }

 private:
  static constexpr std::size_t kMost = Shortlist::kMost + 1;

  static PointId place(const LeafRows& leaves, std::int64_t number, const PointId* seen) {
    return static_cast<PointId>((seen[number >> leaves.shift] << leaves.shift) + (number & (leaves.lanes - 1)));
  }

  // Brings the candidates' rows together.
  void copy_rows(const Leaders<Real>& leaders, std::size_t count, const PointId* seen) {
    switch (leaves_->item_bytes == 8 ? leaves_->columns : 0) {
      case 2:
        return copy_rows<2>(leaders, count, seen);
      case 3:
        return copy_rows<3>(leaders, count, seen);
      default:
        return copy_rows<0>(leaders, count, seen);
    }
  }

  // `columns`: of doubles, where the compiler is to know; else 0. All that is read was put by value beside what is
  // written, for the compiler has to think that rows may be written over it.
  template <std::int64_t columns>
  void copy_rows(const Leaders<Real>& leaders, std::size_t count, const PointId* seen) {
    LeafRows leaves = *leaves_;
    if (columns > 0) {
      leaves.columns = columns;
      leaves.item_bytes = 8;
    }
    PointId* const ids = ids_.data();
    std::byte* row = rows_.data();
    for (std::size_t i = 0; i < count; ++i, row += leaves.row_bytes()) {
      const PointId at = place(leaves, leaders.number(i), seen);
      ids[i] = leaves.order[at];
      leaves.copy(at, row);
    }
  }

  std::span<const Neighbor> sort(std::size_t count) {
    bool sorted = true;  // and no NaN
    double before = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < count; ++i) {
      few_[i] = {distances_[i], ids_[i]};
      sorted &= before < distances_[i];
      before = distances_[i];
    }
    doubtful_ = false;
    if (!sorted) {
      for (std::size_t i = 0; i < count; ++i) doubtful_ |= !(distances_[i] == distances_[i]);
      if (doubtful_) return {};
      std::sort(few_.begin(), few_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return {few_.data(), std::min(count, k_)};
  }

  std::size_t k_ = 0;
  const LeafRows* leaves_ = nullptr;
  AlignedArray<std::byte> rows_;
  std::array<PointId, kMost> ids_{};
  std::array<double, kMost> distances_{};
  std::array<Neighbor, kMost> few_;
  bool doubtful_ = false;
};

}  // namespace anear
