// The few smallest of the values seen, in order, in registers.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <utility>

#include "result/two_doubles.h"

namespace anear {

// Shortlist::add in the widest registers that the core may use, for all keys that there may be; null: there are none.
template <class Real>
using AddKeys = bool (*)(double* keys, const Real* values, std::uint64_t mask, std::uint64_t first);
template <class Real>
AddKeys<Real> add_keys();

// The k smallest values and at least one more, each with a number that takes the place of its double's lowest bits: so
// it travels along for nothing. A float loses nothing by that.
class Shortlist {
 public:
  static constexpr std::size_t kMost = 15;                         // k
  static constexpr std::int64_t kNumbers = std::int64_t{1} << 12;  // that values may have

  void reset(std::size_t k) {
    k_ = k;
    pairs_ = k <= 3 ? 2 : k <= 7 ? 4 : k <= 11 ? 6 : 8;
    std::fill(keys_, keys_ + kMost + 1, kInfinity);
  }

  // Adds values[i] for every bit i of `mask`, with the number first + i; false where one is not finite: then none.
  template <class Real>
  bool add(const Real* values, std::uint64_t mask, std::uint64_t first) {
    static const AddKeys<Real> wide = add_keys<Real>();
    if (mask == kSixteen && keys_[0] == kInfinity) return add_sixteen(values, first);
    if (wide != nullptr) return wide(keys_, values, mask, first);
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
  static constexpr std::uint64_t kSixteen = 0xffff;
  static constexpr auto kNumber = static_cast<std::uint64_t>(kNumbers - 1);

  static double with(double value, std::uint64_t number) {
    return std::bit_cast<double>((std::bit_cast<std::uint64_t>(value) & ~kNumber) | number);
  }
  static double without(double key) { return with(key, 0); }

  std::size_t size() const { return 2 * static_cast<std::size_t>(pairs_); }
  double least(std::size_t i) const { return keys_[i] < 0 ? with(keys_[i], kNumber) : without(keys_[i]); }

  // The first sixteen are sorted: put in one by one, each would wait for the one before it.
  template <class Real>
  bool add_sixteen(const Real* values, std::uint64_t first) {
    TwoDoubles keys[8];
    double odd = 0;
    for (int i = 0; i < 8; ++i) {
      const double one = values[2 * i], other = values[2 * i + 1];
      odd += (one - one) + (other - other);
      const std::uint64_t number = first + static_cast<std::uint64_t>(2 * i);
      keys[i] = TwoDoubles::of(with(one, number), with(other, number + 1));
    }
    if (odd != 0) return false;
    const auto compare = [&](std::initializer_list<std::pair<int, int>> places) {
      for (const auto& [low, high] : places) {
        const TwoDoubles least = smaller(keys[low], keys[high]);
        keys[high] = larger(keys[low], keys[high]);
        keys[low] = least;
      }
    };
    // those at even places, and those at odd ones
    compare({{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3}});
    compare({{4, 5}, {6, 7}, {2, 4}, {3, 5}, {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}});
    // the eight smallest of all first, those left second: each a sequence that falls and rises, or rises and falls
    for (int i = 0; i < 4; ++i) {
      const TwoDoubles other = keys[7 - i].swapped();
      const TwoDoubles low = smaller(keys[i], other), high = larger(keys[i], other);
      keys[i] = firsts(low, high);
      keys[7 - i] = seconds(low, high);
    }
    compare({{0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 1}, {2, 3}, {4, 5}, {6, 7}});
    for (int i = 0; i < 8; i += 2) {
      firsts(keys[i], keys[i + 1]).store(keys_ + i);
      seconds(keys[i], keys[i + 1]).store(keys_ + 8 + i);
    }
    return true;
  }

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
  alignas(64) double keys_[kMost + 1];
};

}  // namespace anear
