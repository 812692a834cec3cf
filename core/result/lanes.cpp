#include "result/lanes.h"

#include "base/features.h"
#include "base/intrinsics.h"

namespace anear {
namespace {

template <class Real>
void plain(const Real* values, std::int64_t stride, std::int64_t lanes, std::int64_t rows, const Real* limits,
           std::uint64_t* passing) {
  for (std::int64_t i = 0; i < rows; ++i) passing[i] = passing_lanes(values + i * stride, lanes, limits[i]);
}

#if defined(ANEAR_AVX2)
// Of sixteen lanes those that are not at least the limit.
ANEAR_AVX512 inline std::uint64_t sixteen(const float* values, __m512 limit) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(values), limit, _CMP_NGE_UQ);
}
ANEAR_AVX512 inline std::uint64_t sixteen(const double* values, __m512d limit) {
  const __mmask8 high = _mm512_cmp_pd_mask(_mm512_loadu_pd(values + 8), limit, _CMP_NGE_UQ);
  return _mm512_kunpackb(high, _mm512_cmp_pd_mask(_mm512_loadu_pd(values), limit, _CMP_NGE_UQ));
}
ANEAR_AVX512 inline __m512 wide(float value) { return _mm512_set1_ps(value); }
ANEAR_AVX512 inline __m512d wide(double value) { return _mm512_set1_pd(value); }

template <class Real>
ANEAR_AVX512 void by_sixteen(const Real* values, std::int64_t stride, std::int64_t lanes, std::int64_t rows,
                             const Real* limits, std::uint64_t* passing) {
  if (lanes % 16 != 0) return plain(values, stride, lanes, rows, limits, passing);
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto limit = wide(limits[i]);
    std::uint64_t mask = 0;
    for (std::int64_t lane = 0; lane < lanes; lane += 16) mask |= sixteen(values + i * stride + lane, limit) << lane;
    passing[i] = mask;
  }
}
#endif

}  // namespace

template <class Real>
PassingRows<Real> passing_rows() {
#if defined(ANEAR_AVX2)
  if (may_use({"avx512f", "bmi2"})) return by_sixteen<Real>;
#endif
  return plain<Real>;
}
template PassingRows<float> passing_rows<float>();
template PassingRows<double> passing_rows<double>();

}  // namespace anear
