// Comparisons of the lanes of a block.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace anear {

// Comparisons with a limit.
struct NotAtLeast {
  template <class Real>
  static bool holds(Real value, Real limit) {
    return !(value >= limit);
  }
#if defined(__SSE2__) || defined(_M_X64)
  static __m128 of(__m128 values, __m128 limits) { return _mm_cmpnge_ps(values, limits); }
  static __m128d of(__m128d values, __m128d limits) { return _mm_cmpnge_pd(values, limits); }
#endif
};

struct AtMost {
  template <class Real>
  static bool holds(Real value, Real limit) {
    return value <= limit;
  }
#if defined(__SSE2__) || defined(_M_X64)
  static __m128 of(__m128 values, __m128 limits) { return _mm_cmple_ps(values, limits); }
  static __m128d of(__m128d values, __m128d limits) { return _mm_cmple_pd(values, limits); }
#endif
};

struct Below {
  template <class Real>
  static bool holds(Real value, Real limit) {
    return value < limit;
  }
#if defined(__SSE2__) || defined(_M_X64)
  static __m128 of(__m128 values, __m128 limits) { return _mm_cmplt_ps(values, limits); }
  static __m128d of(__m128d values, __m128d limits) { return _mm_cmplt_pd(values, limits); }
#endif
};

#if defined(__SSE2__) || defined(_M_X64)
// All ones in lane i of four where the comparison holds for values[i].
template <class Comparison>
__m128i four_lanes(const float* values, float limit) {
  return _mm_castps_si128(Comparison::of(_mm_loadu_ps(values), _mm_set1_ps(limit)));
}
template <class Comparison>
__m128i four_lanes(const double* values, double limit) {
  const __m128d limits = _mm_set1_pd(limit);
  const __m128 low = _mm_castpd_ps(Comparison::of(_mm_loadu_pd(values), limits));
  const __m128 high = _mm_castpd_ps(Comparison::of(_mm_loadu_pd(values + 2), limits));
  return _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
}

// Bit i: the comparison holds for values[i], i < 4, 8 or 16.
template <class Comparison, class Real>
std::uint64_t four_bits(const Real* values, Real limit) {
  return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(four_lanes<Comparison>(values, limit))));
}
template <class Comparison, class Real>
__m128i eight_lanes(const Real* values, Real limit) {
  return _mm_packs_epi32(four_lanes<Comparison>(values, limit), four_lanes<Comparison>(values + 4, limit));
}
template <class Comparison, class Real>
std::uint64_t eight_bits(const Real* values, Real limit) {
  const __m128i lanes = eight_lanes<Comparison>(values, limit);
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(lanes, _mm_setzero_si128())));
}
template <class Comparison, class Real>
std::uint64_t sixteen_bits(const Real* values, Real limit) {
  const __m128i low = eight_lanes<Comparison>(values, limit), high = eight_lanes<Comparison>(values + 8, limit);
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
}
#endif

// Bit i of the result: the comparison holds for values[i], i < lanes <= 64.
template <class Comparison, class Real>
std::uint64_t compared_lanes(const Real* values, std::int64_t lanes, Real limit) {
  std::uint64_t mask = 0;
  std::int64_t lane = 0;
#if defined(__SSE2__) || defined(_M_X64)
  for (; lane + 16 <= lanes; lane += 16) mask |= sixteen_bits<Comparison>(values + lane, limit) << lane;
  if (lane + 8 <= lanes) mask |= eight_bits<Comparison>(values + lane, limit) << lane, lane += 8;
  if (lane + 4 <= lanes) mask |= four_bits<Comparison>(values + lane, limit) << lane, lane += 4;
#endif
  for (; lane < lanes; ++lane) mask |= std::uint64_t{Comparison::holds(values[lane], limit)} << lane;
  return mask;
}

// Bit i of the result: values[i] is not >= limit, as all are where it is NaN.
template <class Real>
std::uint64_t passing_lanes(const Real* values, std::int64_t lanes, Real limit) {
  return compared_lanes<NotAtLeast>(values, lanes, limit);
}

// passing[i] = passing_lanes(values + i * stride, lanes, limits[i]) for `rows` rows.
template <class Real>
using PassingRows = void (*)(const Real* values, std::int64_t stride, std::int64_t lanes, std::int64_t rows,
                             const Real* limits, std::uint64_t* passing);
// The fastest that the core may use. `lanes` are a multiple of 16, or of a block.
template <class Real>
PassingRows<Real> passing_rows();

// Bit i of the result: values[i] < limit.
template <class Real>
std::uint64_t below_lanes(const Real* values, std::int64_t lanes, Real limit) {
  return compared_lanes<Below>(values, lanes, limit);
}

// Inserts `value` into `size` sorted values and drops the largest: each becomes min(itself, max(its left neighbour,
// value)), all at once. `size` is a multiple of 4; sorted[-1] is minus infinity.
template <class Real>
void insert_sorted(Real* sorted, std::int64_t size, Real value) {
  for (std::int64_t i = size - 1; i >= 0; --i) {
    const Real left = sorted[i - 1] > value ? sorted[i - 1] : value;
    sorted[i] = sorted[i] < left ? sorted[i] : left;
  }
}

#if defined(__SSE2__) || defined(_M_X64)
template <>
inline void insert_sorted(float* sorted, std::int64_t size, float value) {
  const __m128 values = _mm_set1_ps(value);
  for (std::int64_t i = size - 4; i >= 0; i -= 4) {
    const __m128 left = _mm_max_ps(_mm_loadu_ps(sorted + i - 1), values);
    _mm_storeu_ps(sorted + i, _mm_min_ps(_mm_loadu_ps(sorted + i), left));
  }
}

template <>
inline void insert_sorted(double* sorted, std::int64_t size, double value) {
  const __m128d values = _mm_set1_pd(value);
  for (std::int64_t i = size - 2; i >= 0; i -= 2) {
    const __m128d left = _mm_max_pd(_mm_loadu_pd(sorted + i - 1), values);
    _mm_storeu_pd(sorted + i, _mm_min_pd(_mm_loadu_pd(sorted + i), left));
  }
}
#endif

}  // namespace anear
