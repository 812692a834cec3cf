// A point with a value: exact distances of results, and the computed values of candidates.
#pragma once
#include <bit>
#include <cstdint>

#include "base/point_id.h"

namespace anear {

struct Neighbor {
  double distance;
  PointId id;
  friend bool operator<(const Neighbor& a, const Neighbor& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.id < b.id);
  }
};

// A candidate, ordered by (value, id). Never NaN.
template <class Real>
class Candidate {
 public:
  Candidate() = default;
  Candidate(Real value, PointId id) : value_(value), id_(id) {}
  Real value() const { return value_; }
  PointId id() const { return id_; }
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.value_ < b.value_ || (a.value_ == b.value_ && a.id_ < b.id_);
  }

 private:
  Real value_;
  PointId id_;
};

// For float both fit one integer that compares as the pair does: one comparison without branches instead of three.
template <>
class Candidate<float> {
 public:
  Candidate() = default;
  Candidate(float value, PointId id) : key_(sortable(value) << 32 | id) {}
  float value() const {
    const auto bits = static_cast<std::uint32_t>(key_ >> 32);
    return std::bit_cast<float>(bits & kSign ? bits ^ kSign : ~bits);
  }
  PointId id() const { return static_cast<PointId>(key_ & 0xffffffffu); }
  friend bool operator<(const Candidate& a, const Candidate& b) { return a.key_ < b.key_; }

 private:
  static constexpr std::uint32_t kSign = 0x80000000u;
  static std::uint64_t sortable(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);  // -0 becomes 0: they are equal
    return bits ^ (-(bits >> 31) | kSign);  // of a negative one all bits turn over; without a branch
  }
  std::uint64_t key_;
};

}  // namespace anear
