// Two doubles in a register, on every processor.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

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
  static TwoDoubles load(const float* from) {
    return {_mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))))};
  }
  void store(double* to) const { _mm_storeu_pd(to, both); }
  double first() const { return _mm_cvtsd_f64(both); }
  // The second of `before` and the first of this.
  TwoDoubles behind(TwoDoubles before) const { return {_mm_shuffle_pd(before.both, both, 1)}; }
  // With the bits of `mask` taken from `bits`, which has no others.
  TwoDoubles with(TwoDoubles mask, TwoDoubles bits) const {
    return {_mm_or_pd(_mm_andnot_pd(mask.both, both), bits.both)};
  }
  // Both, as whole numbers, and `more`.
  TwoDoubles counted_on(TwoDoubles more) const {
    return {_mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(both), _mm_castpd_si128(more.both)))};
  }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) { return {_mm_min_pd(a.both, b.both)}; }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) { return {_mm_max_pd(a.both, b.both)}; }
  friend TwoDoubles operator+(TwoDoubles a, TwoDoubles b) { return {_mm_add_pd(a.both, b.both)}; }
  friend TwoDoubles operator-(TwoDoubles a, TwoDoubles b) { return {_mm_sub_pd(a.both, b.both)}; }
};
#else
struct TwoDoubles {
  double one, other;

  static TwoDoubles of(double value) { return {value, value}; }
  static TwoDoubles of(double first, double second) { return {first, second}; }
  template <class Real>
  static TwoDoubles load(const Real* from) {
    return {from[0], from[1]};
  }
  void store(double* to) const { to[0] = one, to[1] = other; }
  double first() const { return one; }
  TwoDoubles behind(TwoDoubles before) const { return {before.other, one}; }
  TwoDoubles with(TwoDoubles mask, TwoDoubles bits) const {
    const auto put = [](double a, double b, double c) {
      return std::bit_cast<double>((std::bit_cast<std::uint64_t>(a) & ~std::bit_cast<std::uint64_t>(b)) |
                                   std::bit_cast<std::uint64_t>(c));
    };
    return {put(one, mask.one, bits.one), put(other, mask.other, bits.other)};
  }
  TwoDoubles counted_on(TwoDoubles more) const {
    const auto sum = [](double a, double b) {
      return std::bit_cast<double>(std::bit_cast<std::uint64_t>(a) + std::bit_cast<std::uint64_t>(b));
    };
    return {sum(one, more.one), sum(other, more.other)};
  }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) { return {std::min(a.one, b.one), std::min(a.other, b.other)}; }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) { return {std::max(a.one, b.one), std::max(a.other, b.other)}; }
  friend TwoDoubles operator+(TwoDoubles a, TwoDoubles b) { return {a.one + b.one, a.other + b.other}; }
  friend TwoDoubles operator-(TwoDoubles a, TwoDoubles b) { return {a.one - b.one, a.other - b.other}; }
};
#endif

}  // namespace anear
