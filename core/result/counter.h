// How many points lie within a radius.
#pragma once
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "result/exact.h"
#include "result/hits.h"
#include "result/lanes.h"

namespace anear {

// Values below `sure` are within the radius whatever their rounding; those between `sure` and `limit` are decided by
// their exact distances.
template <class Real>
class Counter {
 public:
  void reset(Real limit, Real sure, Real node_limit, double radius, const Admission& admission,
             const ExactQuery& exact) {
    limit_ = limit;
    sure_ = sure;
    node_limit_ = node_limit;
    radius_ = radius;
    admission_ = admission;
    exact_ = exact;
    count_ = 0;
    close_.clear();
  }

  Real limit() const { return limit_; }
  Real node_limit() const { return node_limit_; }

  void add_lanes(const Real* values, std::uint64_t mask, const std::int32_t* ids) {
    if (admission_.allowed == nullptr && admission_.excluded < 0) {
      const std::int64_t lanes = std::bit_width(mask);
      const std::uint64_t undefined = passing_lanes(values, lanes, -std::numeric_limits<Real>::infinity());
      const std::uint64_t inside = passing_lanes(values, lanes, sure_) & mask & ~undefined;
      count_ += std::popcount(inside);
      mask ^= inside;
    }
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      if (!admission_.admits(ids[lane])) continue;
      if (values[lane] < sure_) {
        ++count_;
      } else {
        close_.push_back(ids[lane]);
      }
    }
    if (close_.size() >= kWaiting) settle();
  }

  std::int64_t finish() {
    settle();
    return count_;
  }

  // Exact distances computed since `reset`.
  std::int64_t computed() const { return exact_.computed(); }

 private:
  static constexpr std::size_t kWaiting = 1024;

  void settle() {
    found_.clear();
    exact_.append(close_, distances_, found_);
    for (const Neighbor& neighbor : found_) count_ += neighbor.distance <= radius_ ? 1 : 0;
    close_.clear();
  }

  Real limit_ = 0, sure_ = 0, node_limit_ = 0;
  double radius_ = 0;
  Admission admission_;
  ExactQuery exact_;
  std::int64_t count_ = 0;
  std::vector<std::int32_t> close_;
  std::vector<Neighbor> found_;    // scratch
  std::vector<double> distances_;  // scratch
};

}  // namespace anear
