// From the blocks that a `select` kernel lets pass to single candidates.
#pragma once
#include <bit>
#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace anear {

// Which points may be answers to a query.
struct Admission {
  std::int64_t count = 0;                 // ids from here on are padding
  const std::uint8_t* allowed = nullptr;  // bit i: point i is allowed; null: all are
  std::int32_t excluded = -1;

  bool admits(std::int32_t id) const {
    return id < count && id != excluded && (allowed == nullptr || (allowed[id >> 3] >> (id & 7) & 1) != 0);
  }

  // Bit i: point first + i is admitted, i < lanes <= 64.
  std::uint64_t mask(std::int64_t first, std::int64_t lanes) const {
    std::uint64_t mask = ~std::uint64_t{0};
    if (first + lanes > count) mask = first < count ? (std::uint64_t{1} << (count - first)) - 1 : 0;
    if (excluded >= first && excluded < first + lanes) mask &= ~(std::uint64_t{1} << (excluded - first));
    if (allowed == nullptr) return mask;
    std::uint64_t bits = 0;
    for (std::int64_t i = 0; i < lanes && first + i < count; ++i) {
      bits |= static_cast<std::uint64_t>(allowed[(first + i) >> 3] >> ((first + i) & 7) & 1) << i;
    }
    return mask & bits;
  }
};

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

// The same of up to 64 lanes.
template <class Real>
std::uint64_t passing_lanes(const Real* values, std::int64_t lanes, Real limit) {
  std::uint64_t mask = 0;
  std::int64_t lane = 0;
  for (; lane + 4 <= lanes; lane += 4) mask |= std::uint64_t{passing_four(values + lane, limit)} << lane;
  for (; lane < lanes; ++lane) mask |= static_cast<std::uint64_t>(!(values[lane] >= limit)) << lane;
  return mask;
}

// Gives a collector the lanes of `hits` selected blocks that pass its limit, in the order of their ids.
template <class Real, class Collector>
void collect_hits(const Real* values, const std::int32_t* blocks, std::int64_t hits, std::int64_t block,
                  const Admission& admission, Collector& collector) {
  for (std::int64_t hit = 0; hit < hits; ++hit, values += block) {
    const std::int64_t first = blocks[hit] * block;
    const std::uint64_t mask = passing_lanes(values, block, collector.limit()) & admission.mask(first, block);
    if (mask != 0) collector.add_lanes(values, mask, static_cast<std::int32_t>(first));
  }
}

}  // namespace anear
