// Comparisons of the lanes of a block.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace anear {

// Bit i of the result: values[i] is not >= limit, i < 4.
inline unsigned passing_four(const float* values, float limit) {
#if defined(__SSE2__) || defined(_M_X64)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpnge_ps(_mm_loadu_ps(values), _mm_set1_ps(limit))));
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(!(values[i] >= limit)) << i;
  return mask;
#endif
}

inline unsigned passing_four(const double* values, double limit) {
#if defined(__SSE2__) || defined(_M_X64)
  const __m128d limits = _mm_set1_pd(limit);
  const int low = _mm_movemask_pd(_mm_cmpnge_pd(_mm_loadu_pd(values), limits));
  const int high = _mm_movemask_pd(_mm_cmpnge_pd(_mm_loadu_pd(values + 2), limits));
  return static_cast<unsigned>(low | high << 2);
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(!(values[i] >= limit)) << i;
  return mask;
#endif
}

// Bit i of the result: values[i] < limit, i < 4.
inline unsigned below_four(const float* values, float limit) {
#if defined(__SSE2__) || defined(_M_X64)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmplt_ps(_mm_loadu_ps(values), _mm_set1_ps(limit))));
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(values[i] < limit) << i;
  return mask;
#endif
}

inline unsigned below_four(const double* values, double limit) {
#if defined(__SSE2__) || defined(_M_X64)
  const __m128d limits = _mm_set1_pd(limit);
  const int low = _mm_movemask_pd(_mm_cmplt_pd(_mm_loadu_pd(values), limits));
  const int high = _mm_movemask_pd(_mm_cmplt_pd(_mm_loadu_pd(values + 2), limits));
  return static_cast<unsigned>(low | high << 2);
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(values[i] < limit) << i;
  return mask;
#endif
}

// What passes of up to 64 lanes.
template <class Real>
std::uint64_t passing_lanes(const Real* values, std::int64_t lanes, Real limit) {
  std::uint64_t mask = 0;
  std::int64_t lane = 0;
  for (; lane + 4 <= lanes; lane += 4) mask |= std::uint64_t{passing_four(values + lane, limit)} << lane;
  for (; lane < lanes; ++lane) mask |= static_cast<std::uint64_t>(!(values[lane] >= limit)) << lane;
  return mask;
}

// Bit i of the result: values[i] < limit.
template <class Real>
std::uint64_t below_lanes(const Real* values, std::int64_t lanes, Real limit) {
  std::uint64_t mask = 0;
  std::int64_t lane = 0;
  for (; lane + 4 <= lanes; lane += 4) mask |= std::uint64_t{below_four(values + lane, limit)} << lane;
  for (; lane < lanes; ++lane) mask |= static_cast<std::uint64_t>(values[lane] < limit) << lane;
  return mask;
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
