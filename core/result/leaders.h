// The k smallest values that a query has met so far, and what they say about others.
#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "result/lanes.h"
#include "result/margin.h"
#include "result/shortlist.h"

namespace anear {

// From the k-th smallest computed value v to a limit: v + growth*|v| + shift, rounded up. All that a margin says in two
// numbers, so that a new limit costs a few nanoseconds.
template <class Real>
class LimitRule {
 public:
  LimitRule() : LimitRule(0, 0) {}
  LimitRule(double growth, double shift)
      : growth_(growth + kRoundings), shift_(shift + kRoundings * std::abs(shift) + std::numeric_limits<Real>::min()) {}

  Real operator()(double value) const {
    const auto limit = static_cast<Real>(value + growth_ * std::abs(value) + shift_);
    return limit < std::numeric_limits<Real>::infinity() ? limit : std::numeric_limits<Real>::quiet_NaN();
  }

 private:
  // What the roundings of the two numbers, of the three operations and of the cast may take away.
  static constexpr double kRoundings = sizeof(Real) == 4 ? 0x1p-22 : 0x1p-49;

  double growth_ = 0, shift_ = 0;
};

// The rule for values off by `margin` that are to be compared with values of another table, off by `other`, whose offset
// is larger by `ahead`, itself off by `error`. NaN in it lets everything pass.
template <class Real>
LimitRule<Real> limit_rule(const Margin& margin, const Margin& other, double ahead = 0, double error = 0) {
  if (!(margin.relative < 0.5 && other.relative < 0.5)) return {0, std::numeric_limits<double>::quiet_NaN()};
  // largest_true is at most v + slack + 2 relative |v + slack|, the rank is that plus the offset
  const double grow = 2 * margin.relative;
  const double reach = margin.slack * (1 + grow);
  return {grow + other.relative * (1 + grow),
          reach + other.slack + other.relative * (reach + std::abs(ahead)) - ahead + error * (1 + other.relative)};
}

// What the k-th smallest value of points allows other points, and nodes.
template <class Real>
struct LimitRules {
  LimitRule<Real> points, nodes;
};

// What is still of interest to a query. Where k is small it keeps the values itself: in a list, or where k is 1 the
// smallest alone, and how small all others are at least.
template <class Real>
class Leaders {
 public:
  void reset(std::size_t k, const LimitRules<Real>& rules) {
    rules_ = rules;
    limit_ = node_limit_ = kUnknown;
    one_ = k == 1;
    least_ = other_ = std::numeric_limits<Real>::infinity();
    if (!one_ && k <= Shortlist::kMost) list_.reset(k);
  }

  // Only values that are NOT >= this (NaN: all) are worth adding, and only nodes with such a bound worth a visit.
  Real limit() const { return limit_; }
  Real node_limit() const { return node_limit_; }

  // What the k-th smallest value allows.
  void lower(double kth) {
    limit_ = rules_.points(kth);
    node_limit_ = rules_.nodes(kth);
  }

  // Lists values[i] for every bit i of `mask`, with the number first + i; false where one is not finite: then perhaps
  // some.
  bool add(const Real* values, std::uint64_t mask, std::int64_t first) {
    if (one_) return add_smallest(values, mask, first);
    const double before = list_.largest();
    if (!list_.add(values, mask, static_cast<std::uint64_t>(first))) return false;
    if (const double kth = list_.largest(); kth < before) lower(kth);
    return true;
  }

  // The same where k is 1 of the first value there is, the smallest of its block: the others of it that the limit lets
  // pass are still to be added.
  bool begin(Real value, int number) {
    lower(value);
    if (limit_ != limit_) return unlimited();
    least_ = value;
    number_ = number;
    return true;
  }
  // As if it had met none yet.
  void forget() { limit_ = node_limit_ = kUnknown; }
  bool one() const { return one_; }

  // How many values may be below the limit, which k of them are, if they are kept; else 0.
  std::size_t few() const { return one_ ? other_ >= limit_ ? 1 : 0 : list_.below(limit_); }
  // The number of the i-th smallest.
  std::int64_t number(std::size_t i) const { return one_ ? number_ : list_.number(i); }

 private:
  static constexpr Real kUnknown = std::numeric_limits<Real>::quiet_NaN();

  bool unlimited() {
    limit_ = node_limit_ = kUnknown;
    return false;
  }

  bool add_smallest(const Real* values, std::uint64_t mask, std::int64_t first) {
    const Real before = least_;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      const Real value = values[lane];
      if (value < least_) {
        other_ = least_;
        least_ = value;
        number_ = first + lane;
      } else if (!(value >= other_)) {
        if (value != value) return false;
        other_ = value;
      }
    }
    if (least_ < before) lower(least_);
    return limit_ == limit_ || unlimited();
  }

  LimitRules<Real> rules_;
  Real limit_ = 0, node_limit_ = 0;
  bool one_ = false;
  Real least_ = 0, other_ = 0;  // where k is 1; `other_` is the smallest of the others that were below the limit
  std::int64_t number_ = 0;     // of the smallest
  Shortlist list_;
};

}  // namespace anear
