// What a range search keeps that meets its points a few at a time.
#pragma once
#include "result/hits.h"
#include "result/radius.h"

namespace anear {

template <class Real>
class Within {
 public:
  void reset(Real limit, Real node_limit, double radius, const Admission& admission, const ExactQuery& exact) {
    node_limit_ = node_limit;
    admission_ = admission;
    found_.reset(limit, radius, exact);
  }

  Real limit() const { return found_.limit(); }
  Real node_limit() const { return node_limit_; }

  // Where the values of a block may be put.
  Real* room() { return room_; }

  void add_lanes(const Real*, std::uint64_t mask, const PointId* ids) {
    for (; mask != 0; mask &= mask - 1) {
      const PointId id = ids[std::countr_zero(mask)];
      if (admission_.admits(id)) found_.add_unknown(id);
    }
  }

  std::int64_t computed() const { return found_.computed(); }

  // All points within the radius, sorted by (distance, id); valid until the next call.
  const std::vector<Neighbor>& finish() { return found_.finish(); }

 private:
  alignas(kAlignment) Real room_[64];
  Real node_limit_ = 0;
  Admission admission_;
  RadiusCollector<Real> found_;
};

}  // namespace anear
