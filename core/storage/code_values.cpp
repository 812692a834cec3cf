#include "storage/code_values.h"

#include <algorithm>

#include "base/features.h"
#include "base/intrinsics.h"
#include "base/memory.h"
#include "storage/codes.h"

namespace anear {
namespace {

// What a point has beside its codes.
inline float beside(const Codes& codes, const CodeQuery& query, PointId id) {
  const float* scalars = codes.scalars_of(id);
  float value = scalars[0];
  for (std::int64_t s = 1; s < codes.scalars(); ++s) value += query.scalars[s - 1] * scalars[s];
  return value;
}

template <int bits>
void plain_values(const Codes& codes, const CodeQuery& query, const PointId* ids, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto* code = reinterpret_cast<const std::uint8_t*>(codes.row(ids[i]));
    std::int64_t high = 0, low = 0;
    for (std::int64_t j = 0; j < codes.length(); ++j) {
      if constexpr (bits == 8) {
        high += static_cast<std::int32_t>(code[j]) * query.high[j];
        low += static_cast<std::int32_t>(code[j]) * query.low[j];
      } else {
        const CodePlace place = code_place(bits, j);
        high += codes.scale().levels[(code[place.byte] >> place.shift) & 15] * query.high[j];
      }
    }
    const float sum = bits == 8 ? 128 * static_cast<float>(high) + static_cast<float>(low) : static_cast<float>(high);
    out[i] = beside(codes, query, ids[i]) + query.scale * sum;
  }
}

// Where the i-th code lies. That of the next tile is asked for: it comes from memory in the time that a tile takes.
[[maybe_unused]] inline const std::byte* row_and_next(const Codes& codes, const PointId* ids, std::int64_t n,
                                                      std::int64_t i) {
  const std::byte* soon = codes.row(ids[std::min(i + kCodeTile, n - 1)]);
  for (std::int64_t line = 0; line < codes.row_bytes(); line += 64) prefetch(soon + line);
  return codes.row(ids[i]);
}

#ifdef ANEAR_VNNI
// Sums of the numbers in each of four registers.
ANEAR_VNNI inline __m128i four_sums(const __m512i* registers) {
  const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(registers[0], registers[1]),
                                      _mm512_unpackhi_epi32(registers[0], registers[1]));
  const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(registers[2], registers[3]),
                                      _mm512_unpackhi_epi32(registers[2], registers[3]));
  const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

template <int bits>
ANEAR_VNNI void vnni_values(const Codes& codes, const CodeQuery& query, const PointId* ids, std::int64_t n,
                            float* out) {
  const std::int64_t bytes = codes.row_bytes();
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i levels =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes.scale().levels.data())));
  const __m128 scale = _mm_set1_ps(query.scale);
  for (std::int64_t i = 0; i < n; i += kCodeTile) {
    const std::byte* rows[kCodeTile];
    __m512i high[kCodeTile], low[kCodeTile];
    for (int r = 0; r < kCodeTile; ++r) {
      rows[r] = row_and_next(codes, ids, n, i + r);
      high[r] = low[r] = _mm512_setzero_si512();
    }
    for (std::int64_t j = 0; j < bytes; j += kCodeRegister) {  // padded with zeros
      const std::int64_t at = bits == 8 ? j : 2 * j;
      const __m512i first = _mm512_load_si512(query.high.data() + at);
      const __m512i second =
          _mm512_load_si512(bits == 8 ? query.low.data() + at : query.high.data() + at + kCodeRegister);
      for (int r = 0; r < kCodeTile; ++r) {
        const __m512i code = _mm512_loadu_si512(rows[r] + j);
        if constexpr (bits == 8) {
          high[r] = _mm512_dpbusd_epi32(high[r], code, first);
          low[r] = _mm512_dpbusd_epi32(low[r], code, second);
        } else {
          const __m512i lower = _mm512_shuffle_epi8(levels, _mm512_and_si512(code, nibble));
          const __m512i upper = _mm512_shuffle_epi8(levels, _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble));
          high[r] = _mm512_dpbusd_epi32(high[r], lower, first);
          low[r] = _mm512_dpbusd_epi32(low[r], upper, second);
        }
      }
    }
    __m128 sums;
    if constexpr (bits == 8) {
      sums = _mm_fmadd_ps(_mm_set1_ps(128.0f), _mm_cvtepi32_ps(four_sums(high)), _mm_cvtepi32_ps(four_sums(low)));
    } else {
      for (int r = 0; r < kCodeTile; ++r) high[r] = _mm512_add_epi32(high[r], low[r]);
      sums = _mm_cvtepi32_ps(four_sums(high));
    }
    const __m128 more = _mm_setr_ps(beside(codes, query, ids[i]), beside(codes, query, ids[i + 1]),
                                    beside(codes, query, ids[i + 2]), beside(codes, query, ids[i + 3]));
    _mm_storeu_ps(out + i, _mm_fmadd_ps(scale, sums, more));
  }
}

#endif

#ifdef ANEAR_AVX2
constexpr std::int64_t kAvx2Longest = 1 << 12;  // 255 * 128 * 127 times an eighth of it is a whole number of 31 bits

// Sums of the numbers in each of four registers.
ANEAR_AVX2 inline __m128 four_sums(const __m256i* registers) {
  const __m256 ab = _mm256_hadd_ps(_mm256_cvtepi32_ps(registers[0]), _mm256_cvtepi32_ps(registers[1]));
  const __m256 cd = _mm256_hadd_ps(_mm256_cvtepi32_ps(registers[2]), _mm256_cvtepi32_ps(registers[3]));
  const __m256 all = _mm256_hadd_ps(ab, cd);
  return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

ANEAR_AVX2 inline __m256i sixteen_weights(const std::int8_t* weights) {
  return _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(weights)));
}

ANEAR_AVX2 inline void add_products(__m256i& sum, __m256i codes, __m256i weights) {
  sum = _mm256_add_epi32(sum, _mm256_madd_epi16(codes, weights));
}

// Of four rows, codes of eight bits and weights of fifteen.
ANEAR_AVX2 inline void avx2_bytes(const Codes& codes, const CodeQuery& query, const std::byte* const* rows,
                                  __m256i* sums) {
  for (std::int64_t j = 0; j < codes.row_bytes(); j += 16) {
    const __m256i upper = _mm256_slli_epi16(sixteen_weights(query.high.data() + j), 7);
    const __m256i weights = _mm256_add_epi16(upper, sixteen_weights(query.low.data() + j));
    for (int r = 0; r < kCodeTile; ++r) {
      const auto* code = reinterpret_cast<const __m128i*>(rows[r] + j);
      add_products(sums[r], _mm256_cvtepu8_epi16(_mm_loadu_si128(code)), weights);
    }
  }
}

// Of four rows, codes of four bits: the levels that they stand for, those in even places and those in odd ones.
ANEAR_AVX2 inline void avx2_halves(const Codes& codes, const CodeQuery& query, const std::byte* const* rows,
                                   __m256i* sums) {
  const __m256i nibble = _mm256_set1_epi8(15), even = _mm256_set1_epi16(255);
  const __m256i levels =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes.scale().levels.data())));
  for (std::int64_t j = 0; j < codes.row_bytes(); j += 32) {
    const std::int8_t* at = query.high.data() + 2 * (j / kCodeRegister * kCodeRegister) + j % kCodeRegister;
    const __m256i first = _mm256_load_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i second = _mm256_load_si256(reinterpret_cast<const __m256i*>(at + kCodeRegister));
    const __m256i weights[]{_mm256_srai_epi16(_mm256_slli_epi16(first, 8), 8), _mm256_srai_epi16(first, 8),
                            _mm256_srai_epi16(_mm256_slli_epi16(second, 8), 8), _mm256_srai_epi16(second, 8)};
    for (int r = 0; r < kCodeTile; ++r) {
      const __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[r] + j));
      const __m256i lower = _mm256_shuffle_epi8(levels, _mm256_and_si256(code, nibble));
      const __m256i upper = _mm256_shuffle_epi8(levels, _mm256_and_si256(_mm256_srli_epi16(code, 4), nibble));
      add_products(sums[r], _mm256_and_si256(lower, even), weights[0]);
      add_products(sums[r], _mm256_srli_epi16(lower, 8), weights[1]);
      add_products(sums[r], _mm256_and_si256(upper, even), weights[2]);
      add_products(sums[r], _mm256_srli_epi16(upper, 8), weights[3]);
    }
  }
}

template <int bits>
ANEAR_AVX2 void avx2_values(const Codes& codes, const CodeQuery& query, const PointId* ids, std::int64_t n,
                            float* out) {
  for (std::int64_t i = 0; i < n; i += kCodeTile) {
    const std::byte* rows[kCodeTile];
    __m256i sums[kCodeTile];
    for (int r = 0; r < kCodeTile; ++r) {
      rows[r] = row_and_next(codes, ids, n, i + r);
      sums[r] = _mm256_setzero_si256();
    }
    bits == 8 ? avx2_bytes(codes, query, rows, sums) : avx2_halves(codes, query, rows, sums);
    const __m128 more = _mm_setr_ps(beside(codes, query, ids[i]), beside(codes, query, ids[i + 1]),
                                    beside(codes, query, ids[i + 2]), beside(codes, query, ids[i + 3]));
    _mm_storeu_ps(out + i, _mm_add_ps(more, _mm_mul_ps(_mm_set1_ps(query.scale), four_sums(sums))));
  }
}
#endif

}  // namespace

CodeValues bilinear_values([[maybe_unused]] std::int32_t bits, [[maybe_unused]] std::int64_t length) {
#ifdef ANEAR_VNNI
  constexpr std::int64_t kLongest = 1 << 16;  // 255 * 128 times as much is a whole number of 31 bits
  if (has_byte_products() && length < kLongest) return bits == 8 ? vnni_values<8> : vnni_values<4>;
#endif
#ifdef ANEAR_AVX2
  if (may_use({"avx2"}) && length <= kAvx2Longest) return bits == 8 ? avx2_values<8> : avx2_values<4>;
#endif
  return bits == 8 ? plain_values<8> : plain_values<4>;
}

}  // namespace anear
