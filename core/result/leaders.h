// The k smallest values that a query has met so far, and what they say about others.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "result/margin.h"
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

// What is still of interest to a query. Where k is small it keeps the values itself, in a list.
template <class Real>
class Leaders {
 public:
  void reset(std::size_t k, const LimitRules& rules) {
    rules_ = rules;
    limit_ = node_limit_ = std::numeric_limits<Real>::quiet_NaN();
    one_ = k == 1;
    if (k <= Shortlist::kMost) list_.reset(k);
  }

  // Only values that are NOT >= this (NaN: all) are worth adding, and only nodes with such a bound worth a visit.
  Real limit() const { return limit_; }
  Real node_limit() const { return node_limit_; }

  // What the k-th smallest value allows.
  void lower(double kth) {
    limit_ = rules_.points.template limit<Real>(kth);
    node_limit_ = rules_.nodes.template limit<Real>(kth);
  }

  // Lists values[i] for every bit i of `mask`, with the number first + i; false where one is not finite: then none. If
  // all `lanes` are values of points that may be answers, `whole`, others may be listed as well.
  bool add(const Real* values, std::uint64_t mask, std::int64_t lanes, bool whole, std::int64_t first) {
    const double before = list_.largest();
    const auto number = static_cast<std::uint64_t>(first);
    // What is beyond the limit does no harm, and to tell it apart takes longer.
    const bool all = one_ && whole && lanes % 4 == 0;
    if (!(all && list_.add_all(values, lanes, number)) && !list_.add(values, mask, number)) return false;
    if (const double kth = list_.largest(); kth < before) lower(kth);
    return true;
  }

  const Shortlist& list() const { return list_; }

 private:
  LimitRules rules_;
  Real limit_ = 0, node_limit_ = 0;
  bool one_ = false;
  Shortlist list_;
};

}  // namespace anear
