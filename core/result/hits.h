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
};

// Bit i of the result: values[i] is not >= limit, i < 4.
inline unsigned passing_lanes(const float* values, float limit) {
#if defined(__SSE2__) || defined(_M_X64)
  return static_cast<unsigned>(_mm_movemask_ps(_mm_cmpnge_ps(_mm_loadu_ps(values), _mm_set1_ps(limit))));
#else
  unsigned mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= static_cast<unsigned>(!(values[i] >= limit)) << i;
  return mask;
#endif
}

inline unsigned passing_lanes(const double* values, double limit) {
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

// Gives a collector the lanes of `hits` selected blocks that pass its limit, in the order of their ids.
template <class Real, class Collector>
void collect_hits(const Real* values, const std::int32_t* blocks, std::int64_t hits, std::int64_t block,
                  const Admission& admission, Collector& collector) {
  const auto add = [&](const Real* value, std::int64_t id) {
    // once more, since the limit falls while hits are collected
    if (!(*value >= collector.limit()) && admission.admits(static_cast<std::int32_t>(id))) {
      collector.add(*value, static_cast<std::int32_t>(id));
    }
  };
  for (std::int64_t hit = 0; hit < hits; ++hit, values += block) {
    const std::int64_t first = blocks[hit] * block;
    std::int64_t lane = 0;
    for (; lane + 4 <= block; lane += 4) {
      for (unsigned mask = passing_lanes(values + lane, collector.limit()); mask != 0; mask &= mask - 1) {
        const int bit = std::countr_zero(mask);
        add(values + lane + bit, first + lane + bit);
      }
    }
    for (; lane < block; ++lane) add(values + lane, first + lane);
  }
}

}  // namespace anear
