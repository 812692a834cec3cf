// The few smallest of the values seen, in order, in registers.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "result/neighbor.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace anear {

#if defined(__SSE2__) || defined(_M_X64)
struct TwoDoubles {
  __m128d both;

  static TwoDoubles of(double value) { return {_mm_set1_pd(value)}; }
  static TwoDoubles of(double first, double second) { return {_mm_set_pd(second, first)}; }
  static TwoDoubles load(const double* from) { return {_mm_loadu_pd(from)}; }
  void store(double* to) const { _mm_storeu_pd(to, both); }
  // The second of `before` and the first of this.
  TwoDoubles behind(TwoDoubles before) const { return {_mm_shuffle_pd(before.both, both, 1)}; }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) { return {_mm_min_pd(a.both, b.both)}; }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) { return {_mm_max_pd(a.both, b.both)}; }
};
#else
struct TwoDoubles {
  double first, second;

  static TwoDoubles of(double value) { return {value, value}; }
  static TwoDoubles of(double first, double second) { return {first, second}; }
  static TwoDoubles load(const double* from) { return {from[0], from[1]}; }
  void store(double* to) const { to[0] = first, to[1] = second; }
  TwoDoubles behind(TwoDoubles before) const { return {before.second, first}; }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) {
    return {std::min(a.first, b.first), std::min(a.second, b.second)};
  }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) {
    return {std::max(a.first, b.first), std::max(a.second, b.second)};
  }
};
#endif

// The k smallest values and at least one more, each with a number that takes the place of its double's lowest bits: so
// it travels along for nothing. A float loses nothing by that.
class Shortlist {
 public:
  static constexpr std::size_t kMost = 15;  // k
  static constexpr int kBits = 12;          // of a number

  void reset(std::size_t k) {
    k_ = k;
    pairs_ = k == 1 ? 1 : k <= 3 ? 2 : k <= 7 ? 4 : k <= 11 ? 6 : 8;
    std::fill(keys_, keys_ + 2 * pairs_, kInfinity);
  }

  // Adds values[i] for every bit i of `mask`: the first gets the number `number`, and each is noted in room[number]
  // with its place. Returns the number behind the last, or `number` where one is not finite: then none is added.
  template <class Real>
  std::uint64_t add(const Real* values, std::uint64_t mask, std::uint64_t number, Candidate<Real>* room,
                    std::int32_t place) {
    switch (pairs_) {
      case 1:
        return add_to<1>(values, mask, number, room, place);
      case 2:
        return add_to<2>(values, mask, number, room, place);
      case 4:
        return add_to<4>(values, mask, number, room, place);
      case 6:
        return add_to<6>(values, mask, number, room, place);
      default:
        return add_to<8>(values, mask, number, room, place);
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
  std::size_t number(std::size_t i) const { return std::bit_cast<std::uint64_t>(keys_[i]) & kNumber; }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr std::uint64_t kNumber = (std::uint64_t{1} << kBits) - 1;

  static double with(double value, std::uint64_t number) {
    return std::bit_cast<double>((std::bit_cast<std::uint64_t>(value) & ~kNumber) | number);
  }
  static double without(double key) { return with(key, 0); }

  std::size_t size() const { return 2 * static_cast<std::size_t>(pairs_); }
  double least(std::size_t i) const { return keys_[i] < 0 ? with(keys_[i], kNumber) : without(keys_[i]); }

  // Each of the keys becomes min(itself, max(the one before it, the new one)), all at once.
  template <int Pairs, class Real>
  std::uint64_t add_to(const Real* values, std::uint64_t mask, std::uint64_t number, Candidate<Real>* room,
                       std::int32_t place) {
    TwoDoubles kept[Pairs];
    for (int i = 0; i < Pairs; ++i) kept[i] = TwoDoubles::load(keys_ + 2 * i);
    const std::uint64_t before = number;
    const TwoDoubles none = TwoDoubles::of(-kInfinity);
    double odd = 0;
    for (; mask != 0; mask &= mask - 1, ++number) {
      const int lane = std::countr_zero(mask);
      const double value = values[lane];
      odd += value - value;  // NaN where it is not finite
      room[number] = Candidate<Real>(values[lane], place + lane);
      const TwoDoubles key = TwoDoubles::of(with(value, number));
      for (int i = Pairs - 1; i >= 0; --i) {
        kept[i] = smaller(kept[i], larger(kept[i].behind(i > 0 ? kept[i - 1] : none), key));
      }
    }
    if (odd != 0) return before;
    for (int i = 0; i < Pairs; ++i) kept[i].store(keys_ + 2 * i);
    return number;
  }

  std::size_t k_ = 1;
  int pairs_ = 1;
  alignas(16) double keys_[kMost + 1];
};

}  // namespace anear
