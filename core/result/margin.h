// How far a computed value may lie from the true one, and what follows for a search's limit.
#pragma once
#include <cmath>
#include <limits>

namespace anear {

// |computed - true| <= slack + relative * |true|. Both zero: no bound is known, and computed values are taken as they
// are.
struct Margin {
  double slack = 0;
  double relative = 0;

  bool active() const { return slack != 0 || relative != 0; }

  // Largest true value that may be computed as `computed` or less; NaN if there is none.
  double largest_true(double computed) const {
    const double reach = computed + slack;
    if (!(relative < 1)) return std::numeric_limits<double>::quiet_NaN();
    return reach >= 0 ? reach / (1 - relative) : reach / (1 + relative);
  }

  // A computed value below this belongs to a true value below `value`, with room for the few roundings of a distance in
  // float64; minus infinity where no bound is known.
  double surely_below(double value) const {
    const double below = value - (2 * relative + 0x1p-40) * std::abs(value) - 2 * slack;
    return active() && relative < 0.25 && below == below ? below : -std::numeric_limits<double>::infinity();
  }

  // Largest computed value of anything whose true value is at most `value`.
  double largest_computed(double value) const { return value + relative * std::abs(value) + slack; }
};

// The limit for kernels' "not >= limit" test that lets everything up to `bound` pass: the next larger Real, after
// rounding up. NaN, which lets everything pass, where no finite limit does.
template <class Real>
Real exclusive_limit(double bound) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  // The few roundings that led to `bound` are covered by one part in 2^50; what underflowed in Real's arithmetic, where
  // no relative bound holds, by its smallest normal number (millions of denormal roundings).
  const double outward = bound + std::abs(bound) * 0x1p-50 + static_cast<double>(std::numeric_limits<Real>::min());
  auto limit = static_cast<Real>(outward);
  if (static_cast<double>(limit) < outward) limit = std::nextafter(limit, kInfinity);
  limit = std::nextafter(limit, kInfinity);
  return limit < kInfinity ? limit : std::numeric_limits<Real>::quiet_NaN();
}

// The other way: everything computed below the limit is below `bound`. Minus infinity where nothing is.
template <class Real>
Real inclusive_limit(double bound) {
  const double inward = bound - std::abs(bound) * 0x1p-50 - static_cast<double>(std::numeric_limits<Real>::min());
  return std::nextafter(static_cast<Real>(inward), -std::numeric_limits<Real>::infinity());
}

}  // namespace anear
