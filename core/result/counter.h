// How many points lie within radii.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "result/exact.h"
#include "result/hits.h"
#include "result/lanes.h"

namespace anear {

// What a radius allows a query's values and bounds to be: points with values, and cells with lower bounds, that are not
// below these are beyond it; points with values, and cells with upper bounds, that are below the sure ones are within
// it, whatever the rounding.
template <class Real>
struct RadiusLimits {
  Real points, nodes, sure_points, sure_nodes;
};

// Counts for several radii at once, each larger than the one before. A value between the two limits of a radius is
// decided by the exact distance.
template <class Real>
class Counter {
 public:
  // The counts go on from what they were; limits and radii must outlive the query.
  void reset(std::span<const RadiusLimits<Real>> limits, const double* radii, const Admission& admission,
             const ExactQuery& exact) {
    limits_ = limits;
    radii_ = radii;
    admission_ = admission;
    filtered_ = admission.allowed != nullptr || admission.excluded != kNobody;
    exact_ = exact;
    counts_.resize(limits.size());
    close_.resize(limits.size());
  }

  std::int64_t radii() const { return static_cast<std::int64_t>(limits_.size()); }
  const RadiusLimits<Real>& limits(std::int64_t radius) const { return limits_[radius]; }
  // Whether points must be looked at one by one.
  bool filtered() const { return filtered_; }

  // So many points are within a radius.
  void add(std::int64_t radius, std::int64_t points) { counts_[radius] += points; }

  // The points ids[i] with values[i] for every bit i of `mask`, for the radii [first, last).
  void add_lanes(const Real* values, std::int64_t lanes, std::uint64_t mask, const PointId* ids, std::int64_t first,
                 std::int64_t last) {
    if (filtered_) mask = admitted(mask, ids);
    for (std::int64_t radius = first; radius < last; ++radius) {
      const std::uint64_t inside = below_lanes(values, lanes, limits_[radius].sure_points) & mask;
      counts_[radius] += std::popcount(inside);
      std::uint64_t close = passing_lanes(values, lanes, limits_[radius].points) & mask & ~inside;
      if (close == 0) continue;
      for (; close != 0; close &= close - 1) close_[radius].push_back(ids[std::countr_zero(close)]);
      if (close_[radius].size() >= kWaiting) settle(radius);
    }
  }

  // Decides what is left of the query.
  void finish() {
    for (std::int64_t radius = 0; radius < radii(); ++radius) settle(radius);
  }

  // All counts since the last call.
  const std::vector<std::int64_t>& take() {
    taken_ = counts_;
    std::fill(counts_.begin(), counts_.end(), 0);
    return taken_;
  }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

 private:
  static constexpr std::size_t kWaiting = 1024;

  std::uint64_t admitted(std::uint64_t mask, const PointId* ids) const {
    std::uint64_t admitted = 0;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      admitted |= std::uint64_t{admission_.admits(ids[lane])} << lane;
    }
    return admitted;
  }

  void settle(std::int64_t radius) {
    if (close_[radius].empty()) return;
    found_.clear();
    exact_.append(close_[radius], distances_, found_);
    for (const Neighbor& neighbor : found_) counts_[radius] += neighbor.distance <= radii_[radius] ? 1 : 0;
    close_[radius].clear();
  }

  std::span<const RadiusLimits<Real>> limits_;
  const double* radii_ = nullptr;
  Admission admission_;
  bool filtered_ = false;
  ExactQuery exact_;
  std::vector<std::int64_t> counts_, taken_;
  std::vector<std::vector<PointId>> close_;
  std::vector<Neighbor> found_;    // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
