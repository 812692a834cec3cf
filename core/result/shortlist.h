// The few smallest of the values seen, in order, in registers.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "result/two_doubles.h"

namespace anear {

// The k smallest values and at least one more, each with a number that takes the place of its double's lowest bits: so
// it travels along for nothing. A float loses nothing by that.
class Shortlist {
 public:
  static constexpr std::size_t kMost = 15;                         // k
  static constexpr std::int64_t kNumbers = std::int64_t{1} << 12;  // that values may have

  void reset(std::size_t k) {
    k_ = k;
    pairs_ = k <= 3 ? 2 : k <= 7 ? 4 : k <= 11 ? 6 : 8;
    std::fill(keys_, keys_ + 2 * pairs_, kInfinity);
  }

  // Adds values[i] for every bit i of `mask`, with the number first + i; false where one is not finite: then none.
  template <class Real>
  bool add(const Real* values, std::uint64_t mask, std::uint64_t first) {
    switch (pairs_) {
      case 2:
        return add_to<2>(values, mask, first);
      case 4:
        return add_to<4>(values, mask, first);
      case 6:
        return add_to<6>(values, mask, first);
      default:
        return add_to<8>(values, mask, first);
    }
  }

  // What the k-th smallest value is at most; infinite while there are fewer.
  double largest() const {
    const double key = keys_[k_ - 1];
    return key < kInfinity ? key < 0 ? without(key) : with(key, kNumber) : kInfinity;
  }

  // How many values may be below the limit, which k of them are, if all of them are here; else 0. NaN is no limit.
  std::size_t below(double limit) const {
    if (limit != limit) return 0;
    std::size_t count = k_;
    while (count < size() && least(count) < limit) ++count;
    return count < size() ? count : 0;
  }

  // The number of the i-th smallest.
  std::int64_t number(std::size_t i) const {
    return static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(keys_[i]) & kNumber);
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr auto kNumber = static_cast<std::uint64_t>(kNumbers - 1);

  static double with(double value, std::uint64_t number) {
    return std::bit_cast<double>((std::bit_cast<std::uint64_t>(value) & ~kNumber) | number);
  }
  static double without(double key) { return with(key, 0); }

  std::size_t size() const { return 2 * static_cast<std::size_t>(pairs_); }
  double least(std::size_t i) const { return keys_[i] < 0 ? with(keys_[i], kNumber) : without(keys_[i]); }

  // Each of the keys becomes min(itself, max(the one before it, the new one)), all at once.
  template <int Pairs, class Real>
  bool add_to(const Real* values, std::uint64_t mask, std::uint64_t first) {
    TwoDoubles kept[Pairs];
    for (int i = 0; i < Pairs; ++i) kept[i] = TwoDoubles::load(keys_ + 2 * i);
    const TwoDoubles none = TwoDoubles::of(-kInfinity);
    double odd = 0;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      const double value = values[lane];
      odd += value - value;  // NaN where it is not finite
      const TwoDoubles key = TwoDoubles::of(with(value, first + static_cast<std::uint64_t>(lane)));
      for (int i = Pairs - 1; i >= 0; --i) {
        kept[i] = smaller(kept[i], larger(kept[i].behind(i > 0 ? kept[i - 1] : none), key));
      }
    }
    if (odd != 0) return false;
    for (int i = 0; i < Pairs; ++i) kept[i].store(keys_ + 2 * i);
    return true;
  }

  std::size_t k_ = 1;
  int pairs_ = 2;
  alignas(16) double keys_[kMost + 1];
};

}  // namespace anear
