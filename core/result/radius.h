// What a range search keeps of the candidates it meets.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "result/exact.h"

namespace anear {

// Every candidate's exact distance decides; candidates wait until there are enough of them to be gathered at once.
template <class Real>
class RadiusCollector {
 public:
  void reset(Real limit, double radius, const ExactQuery& exact) {
    limit_ = limit;
    radius_ = radius;
    exact_ = exact;
    ids_.clear();
    found_.clear();
  }

  Real limit() const { return limit_; }

  // Adds point first + i for every bit i of `mask`.
  void add_lanes(const Real*, std::uint64_t mask, PointId first) {
    for (; mask != 0; mask &= mask - 1) add_unknown(first + std::countr_zero(mask));
  }

  void add_unknown(PointId id) {
    ids_.push_back(id);
    if (ids_.size() >= kWaiting) settle();
  }

  void tighten() {}

  void merge(RadiusCollector& other) {
    other.settle();
    found_.insert(found_.end(), other.found_.begin(), other.found_.end());
  }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

  // All points within the radius, sorted by (distance, id); valid until the next call.
  const std::vector<Neighbor>& finish() {
    settle();
    std::sort(found_.begin(), found_.end());
    return found_;
  }

 private:
  static constexpr std::size_t kWaiting = 1024;

  void settle() {
    const auto before = static_cast<std::ptrdiff_t>(found_.size());
    exact_.append(ids_, distances_, found_);
    found_.erase(std::remove_if(found_.begin() + before, found_.end(),
                                [&](const Neighbor& n) { return !(n.distance <= radius_); }),
                 found_.end());
    ids_.clear();
  }

  Real limit_ = 0;
  double radius_ = 0;
  ExactQuery exact_;
  std::vector<PointId> ids_;
  std::vector<double> distances_;
  std::vector<Neighbor> found_;
};

}  // namespace anear
