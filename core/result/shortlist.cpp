#include "result/shortlist.h"

#include "base/features.h"
#include "base/intrinsics.h"

namespace anear {
namespace {

#if defined(ANEAR_AVX2)
ANEAR_AVX512 inline __m512d eight(__mmask8 lanes, const double* values) { return _mm512_maskz_loadu_pd(lanes, values); }
ANEAR_AVX512 inline __m512d eight(__mmask8 lanes, const float* values) {
  return _mm512_cvtps_pd(_mm512_castps512_ps256(_mm512_maskz_loadu_ps(lanes, values)));
}

// All keys are in two registers, and each becomes min(itself, max(the one before it, the new one)).
template <class Real>
ANEAR_AVX512 bool add_by_eight(double* keys, const Real* values, std::uint64_t mask, std::uint64_t first) {
  constexpr int kLanes = 8;
  const __m512i number_bits = _mm512_set1_epi64(Shortlist::kNumbers - 1);
  const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i none = _mm512_castpd_si512(_mm512_set1_pd(-std::numeric_limits<double>::infinity()));
  __m512d low = _mm512_loadu_pd(keys), high = _mm512_loadu_pd(keys + kLanes);
  alignas(64) double fresh[kLanes];
  for (; mask != 0; mask >>= kLanes, values += kLanes, first += kLanes) {
    const auto lanes = static_cast<__mmask8>(mask);
    const __m512d value = eight(lanes, values), zero = _mm512_sub_pd(value, value);
    if (_mm512_cmp_pd_mask(zero, _mm512_setzero_pd(), _CMP_NEQ_UQ) != 0) return false;
    const __m512i number = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(first)), lane);
    const __m512i key = _mm512_or_si512(_mm512_andnot_si512(number_bits, _mm512_castpd_si512(value)), number);
    _mm512_store_pd(fresh, _mm512_maskz_compress_pd(lanes, _mm512_castsi512_pd(key)));
    for (int i = 0, count = __builtin_popcount(lanes); i < count; ++i) {
      const __m512d one = _mm512_set1_pd(fresh[i]);
      const __m512i lows = _mm512_castpd_si512(low);
      const __m512i before_low = _mm512_alignr_epi64(lows, none, kLanes - 1);
      const __m512i before_high = _mm512_alignr_epi64(_mm512_castpd_si512(high), lows, kLanes - 1);
      low = _mm512_min_pd(low, _mm512_max_pd(_mm512_castsi512_pd(before_low), one));
      high = _mm512_min_pd(high, _mm512_max_pd(_mm512_castsi512_pd(before_high), one));
    }
  }
  _mm512_storeu_pd(keys, low);
  _mm512_storeu_pd(keys + kLanes, high);
  return true;
}
#endif

}  // namespace

template <class Real>
AddKeys<Real> add_keys() {
#if defined(ANEAR_AVX2)
  if (may_use({"avx512f", "bmi2"})) return add_by_eight<Real>;
#endif
  return nullptr;
}
template AddKeys<float> add_keys<float>();
template AddKeys<double> add_keys<double>();

}  // namespace anear
