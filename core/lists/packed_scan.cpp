#include "lists/packed_scan.h"

#include <algorithm>
#include <cstring>

#include "base/features.h"
#include "base/intrinsics.h"
#include "base/memory.h"
#include "result/lanes.h"

namespace anear {
namespace {

template <int bits>
void plain_scan(const PackedCodes& codes, const FrameQuery& query, const PackedQuery& packed, const CodePiece& piece,
                float* values, std::uint16_t* masks) {
  const std::int64_t groups = codes.groups();
  for (std::int64_t b = 0; b < piece.blocks; ++b, values += kCodeLanes) {
    const auto* code = reinterpret_cast<const std::uint8_t*>(codes.block(piece.first + b));
    std::int32_t lower[kCodeLanes] = {}, upper[kCodeLanes] = {};
    for (std::int64_t g = 0; g < groups; ++g, code += kGroupBytes) {
      const std::int8_t *low = packed.weights.data() + 4 * g, *high = low + 4 * groups;
      for (std::int64_t lane = 0; lane < kCodeLanes; ++lane) {
        for (int j = 0; j < 4; ++j) {
          const std::int32_t byte = code[4 * lane + j];
          lower[lane] += (bits == 4 ? byte & kHalf : byte) * low[j];
          if (bits == 4) upper[lane] += byte * high[j];
        }
      }
    }
    const float* numbers = codes.numbers_of(piece.first + b);
    for (std::int64_t lane = 0; lane < kCodeLanes; ++lane) {
      float along = packed.base + packed.lower * static_cast<float>(lower[lane]);
      if (bits == 4) along += packed.upper * static_cast<float>(upper[lane]);
      float value = piece.base + numbers[lane] * along;
      for (std::int64_t s = 0; s < codes.scalars(); ++s)
        value += query.scalars[s] * numbers[(s + 1) * kCodeLanes + lane];
      values[lane] = value;
    }
    masks[b] = static_cast<std::uint16_t>(passing_lanes(values, kCodeLanes, piece.limit));
  }
}

#ifdef ANEAR_VNNI
// What a block's codes come to so far.
struct VnniSums {
  __m512i lower, upper;
};

// The instruction itself, for GCC copies the sums in every round where its intrinsic makes them.
ANEAR_VNNI inline void vnni_dot(__m512i& sum, __m512i bytes, __m512i weights) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(weights));
}

template <int bits>
ANEAR_VNNI inline void vnni_add(const std::byte* code, __m512i low, __m512i high, VnniSums& sums) {
  __m512i bytes = _mm512_loadu_si512(code);
  __asm__("" : "+v"(bytes));  // loaded once: loads are what there is least of
  if (bits == 4) {
    vnni_dot(sums.lower, _mm512_and_si512(bytes, _mm512_set1_epi8(kHalf)), low);
    vnni_dot(sums.upper, bytes, high);
  } else {
    vnni_dot(sums.lower, bytes, low);
  }
}

template <int bits>
ANEAR_VNNI inline void vnni_finish(const PackedCodes& codes, const FrameQuery& query, const PackedQuery& packed,
                                   const CodePiece& piece, std::int64_t block, const VnniSums& sums, float* values,
                                   std::uint16_t* masks) {
  __m512 along =
      _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.lower), _mm512_set1_ps(packed.lower), _mm512_set1_ps(packed.base));
  if (bits == 4) along = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.upper), _mm512_set1_ps(packed.upper), along);
  const float* numbers = codes.numbers_of(piece.first + block);
  __m512 value = _mm512_fmadd_ps(along, _mm512_loadu_ps(numbers), _mm512_set1_ps(piece.base));
  for (std::int64_t s = 0; s < codes.scalars(); ++s) {
    const __m512 scalar = _mm512_loadu_ps(numbers + (s + 1) * kCodeLanes);
    value = _mm512_fmadd_ps(scalar, _mm512_set1_ps(query.scalars[s]), value);
  }
  _mm512_storeu_ps(values + block * kCodeLanes, value);
  masks[block] = _mm512_cmp_ps_mask(value, _mm512_set1_ps(piece.limit), _CMP_NGE_UQ);
}

// So many blocks side by side share the query's weights. The sums have names, for an array of them would be kept in
// memory.
template <int bits, int together>
ANEAR_VNNI inline void vnni_blocks(const PackedCodes& codes, const FrameQuery& query, const PackedQuery& packed,
                                   const CodePiece& piece, std::int64_t done, float* values, std::uint16_t* masks) {
  const std::int64_t bytes = codes.groups() * kGroupBytes, stride = codes.block_bytes();
  const std::byte *code = codes.block(piece.first + done), *next = codes.block(piece.next + done);
  const std::int8_t *lows = packed.weights.data(), *highs = lows + (bits == 4 ? 4 * codes.groups() : 0);
  const float* const next_numbers = codes.numbers_of(piece.next + done);
  for (std::int64_t line = 0; line < together * (1 + codes.scalars()); ++line) {
    prefetch(next_numbers + line * kCodeLanes);
  }
  const VnniSums none{_mm512_setzero_si512(), _mm512_setzero_si512()};
  VnniSums first = none, second = none, third = none, fourth = none;
  for (std::int64_t at = 0; at < bytes; at += kGroupBytes, lows += 4, highs += 4) {
    std::int32_t low, high;
    std::memcpy(&low, lows, 4);
    std::memcpy(&high, highs, 4);
    const __m512i wl = _mm512_set1_epi32(low), wh = _mm512_set1_epi32(high);
    vnni_add<bits>(code + at, wl, wh, first);
    if (together > 1) vnni_add<bits>(code + stride + at, wl, wh, second);
    if (together > 2) vnni_add<bits>(code + 2 * stride + at, wl, wh, third);
    if (together > 3) vnni_add<bits>(code + 3 * stride + at, wl, wh, fourth);
    for (int b = 0; b < together; ++b) prefetch(next + b * stride + at);
  }
  vnni_finish<bits>(codes, query, packed, piece, done, first, values, masks);
  if (together > 1) vnni_finish<bits>(codes, query, packed, piece, done + 1, second, values, masks);
  if (together > 2) vnni_finish<bits>(codes, query, packed, piece, done + 2, third, values, masks);
  if (together > 3) vnni_finish<bits>(codes, query, packed, piece, done + 3, fourth, values, masks);
}

template <int bits>
ANEAR_VNNI void vnni_scan(const PackedCodes& codes, const FrameQuery& query, const PackedQuery& packed,
                          const CodePiece& piece, float* values, std::uint16_t* masks) {
  std::int64_t done = 0;
  for (; done + 4 <= piece.blocks; done += 4) vnni_blocks<bits, 4>(codes, query, packed, piece, done, values, masks);
  switch (piece.blocks - done) {
    case 3:
      return vnni_blocks<bits, 3>(codes, query, packed, piece, done, values, masks);
    case 2:
      return vnni_blocks<bits, 2>(codes, query, packed, piece, done, values, masks);
    case 1:
      return vnni_blocks<bits, 1>(codes, query, packed, piece, done, values, masks);
    default:
      return;
  }
}
#endif

#ifdef ANEAR_AVX2
constexpr std::int64_t kNarrow = 8;  // groups whose sums of two products of halves fit 16 bits: 8 * 2 * 15 * 127

// What eight points' codes come to: `halves`, of a few groups, of lower halves with the weights of the lower and of the
// upper coordinates, and of upper halves; `lower` and `upper` of all before.
struct Avx2Sums {
  __m256i halves[3], lower, upper;
};

template <int bits>
ANEAR_AVX2 inline void avx2_add(const std::byte* code, __m256i low, __m256i high, Avx2Sums& sums) {
  const __m256i half = _mm256_set1_epi8(kHalf);
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(code));
  const __m256i below = _mm256_and_si256(bytes, half);
  const __m256i above = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
  sums.halves[0] = _mm256_add_epi16(sums.halves[0], _mm256_maddubs_epi16(below, low));
  if (bits == 4) sums.halves[1] = _mm256_add_epi16(sums.halves[1], _mm256_maddubs_epi16(below, high));
  sums.halves[2] = _mm256_add_epi16(sums.halves[2], _mm256_maddubs_epi16(above, bits == 4 ? high : low));
}

template <int bits>
ANEAR_AVX2 inline void avx2_widen(Avx2Sums& sums) {
  const __m256i one = _mm256_set1_epi16(1), sixteen = _mm256_set1_epi16(16);
  const __m256i above = _mm256_madd_epi16(sums.halves[2], sixteen);
  sums.lower = _mm256_add_epi32(sums.lower, _mm256_madd_epi16(sums.halves[0], one));
  if (bits == 4) {
    sums.upper = _mm256_add_epi32(sums.upper, _mm256_add_epi32(_mm256_madd_epi16(sums.halves[1], one), above));
  } else {
    sums.lower = _mm256_add_epi32(sums.lower, above);
  }
  for (__m256i& half : sums.halves) half = _mm256_setzero_si256();
}

template <int bits>
ANEAR_AVX2 inline std::uint32_t avx2_finish(const PackedCodes& codes, const FrameQuery& query,
                                            const PackedQuery& packed, const CodePiece& piece, const float* numbers,
                                            const Avx2Sums& sums, float* values) {
  __m256 along = _mm256_add_ps(_mm256_set1_ps(packed.base),
                               _mm256_mul_ps(_mm256_cvtepi32_ps(sums.lower), _mm256_set1_ps(packed.lower)));
  if (bits == 4)
    along = _mm256_add_ps(along, _mm256_mul_ps(_mm256_cvtepi32_ps(sums.upper), _mm256_set1_ps(packed.upper)));
  __m256 value = _mm256_add_ps(_mm256_set1_ps(piece.base), _mm256_mul_ps(_mm256_loadu_ps(numbers), along));
  for (std::int64_t s = 0; s < codes.scalars(); ++s) {
    const __m256 scalar = _mm256_loadu_ps(numbers + (s + 1) * kCodeLanes);
    value = _mm256_add_ps(value, _mm256_mul_ps(scalar, _mm256_set1_ps(query.scalars[s])));
  }
  _mm256_storeu_ps(values, value);
  return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(value, _mm256_set1_ps(piece.limit), _CMP_NGE_UQ)));
}

template <int bits>
ANEAR_AVX2 void avx2_scan(const PackedCodes& codes, const FrameQuery& query, const PackedQuery& packed,
                          const CodePiece& piece, float* values, std::uint16_t* masks) {
  const std::int64_t groups = codes.groups();
  for (std::int64_t b = 0; b < piece.blocks; ++b, values += kCodeLanes) {
    const std::byte *code = codes.block(piece.first + b), *next = codes.block(piece.next + b);
    const std::int8_t *lows = packed.weights.data(), *highs = lows + (bits == 4 ? 4 * groups : 0);
    Avx2Sums first{}, second{};
    for (std::int64_t g = 0; g < groups;) {
      const std::int64_t end = std::min(g + kNarrow, groups);
      for (; g < end; ++g, lows += 4, highs += 4, code += kGroupBytes, next += kGroupBytes) {
        std::int32_t low, high;
        std::memcpy(&low, lows, 4);
        std::memcpy(&high, highs, 4);
        const __m256i wl = _mm256_set1_epi32(low), wh = _mm256_set1_epi32(high);
        avx2_add<bits>(code, wl, wh, first);
        avx2_add<bits>(code + kGroupBytes / 2, wl, wh, second);
        prefetch(next);
      }
      avx2_widen<bits>(first);
      avx2_widen<bits>(second);
    }
    const float* numbers = codes.numbers_of(piece.first + b);
    const std::uint32_t passing = avx2_finish<bits>(codes, query, packed, piece, numbers, first, values);
    masks[b] = static_cast<std::uint16_t>(
        passing | avx2_finish<bits>(codes, query, packed, piece, numbers + 8, second, values + 8) << 8);
  }
}
#endif

}  // namespace

PackedScan packed_scan(int bits) {
#ifdef ANEAR_VNNI
  if (has_byte_products()) return bits == 4 ? vnni_scan<4> : vnni_scan<8>;
#endif
#ifdef ANEAR_AVX2
  if (may_use({"avx2"})) return bits == 4 ? avx2_scan<4> : avx2_scan<8>;
#endif
  return bits == 4 ? plain_scan<4> : plain_scan<8>;
}

}  // namespace anear
