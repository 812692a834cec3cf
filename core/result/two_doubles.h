// Two doubles in a register, on every processor.
#pragma once
#include <algorithm>

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
  TwoDoubles swapped() const { return {_mm_shuffle_pd(both, both, 1)}; }
  friend TwoDoubles firsts(TwoDoubles a, TwoDoubles b) { return {_mm_unpacklo_pd(a.both, b.both)}; }
  friend TwoDoubles seconds(TwoDoubles a, TwoDoubles b) { return {_mm_unpackhi_pd(a.both, b.both)}; }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) { return {_mm_min_pd(a.both, b.both)}; }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) { return {_mm_max_pd(a.both, b.both)}; }
};
#else
struct TwoDoubles {
  double one, other;

  static TwoDoubles of(double value) { return {value, value}; }
  static TwoDoubles of(double first, double second) { return {first, second}; }
  static TwoDoubles load(const double* from) { return {from[0], from[1]}; }
  void store(double* to) const { to[0] = one, to[1] = other; }
  TwoDoubles behind(TwoDoubles before) const { return {before.other, one}; }
  TwoDoubles swapped() const { return {other, one}; }
  friend TwoDoubles firsts(TwoDoubles a, TwoDoubles b) { return {a.one, b.one}; }
  friend TwoDoubles seconds(TwoDoubles a, TwoDoubles b) { return {a.other, b.other}; }
  friend TwoDoubles smaller(TwoDoubles a, TwoDoubles b) { return {std::min(a.one, b.one), std::min(a.other, b.other)}; }
  friend TwoDoubles larger(TwoDoubles a, TwoDoubles b) { return {std::max(a.one, b.one), std::max(a.other, b.other)}; }
};
#endif

}  // namespace anear
