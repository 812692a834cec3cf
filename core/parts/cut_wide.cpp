// The loops of cut.h in registers of sixteen keys.
#include <algorithm>
#include <array>
#include <bit>

#include "parts/cut.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "base/features.h"
#include "base/intrinsics.h"

namespace anear {
namespace {

constexpr std::int64_t kLanes = 16;
using Mask = std::uint16_t;

ANEAR_AVX512 inline Mask first_lanes(std::int64_t n) { return n >= kLanes ? 0xffff : static_cast<Mask>((1u << n) - 1); }

// Writes the chosen lanes one behind the other, and nothing behind them: there may lie another thread's keys.
ANEAR_AVX512 inline std::int64_t put(Key* to, Mask chosen, __m512i keys) {
  const int count = __builtin_popcount(chosen);
  _mm512_mask_storeu_epi32(to, static_cast<Mask>((1u << count) - 1), _mm512_maskz_compress_epi32(chosen, keys));
  return count;
}

ANEAR_AVX512 Sifted sift(const Key* keys, std::int64_t n, Key low, Key high, Key* out) {
  const __m512i lowest = _mm512_set1_epi32(static_cast<int>(low)), one = _mm512_set1_epi32(1);
  const __m512i width = _mm512_set1_epi32(static_cast<int>(high - low));
  Sifted found{};
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Mask valid = first_lanes(n - i);
    const __m512i key = _mm512_maskz_loadu_epi32(valid, keys + i);
    const __m512i above = _mm512_sub_epi32(_mm512_sub_epi32(key, lowest), one);  // those below are far above
    found.below += __builtin_popcount(_mm512_mask_cmplt_epu32_mask(valid, key, lowest));
    found.at += __builtin_popcount(_mm512_mask_cmpeq_epu32_mask(valid, key, lowest));
    found.between += put(out + found.between, _mm512_mask_cmplt_epu32_mask(valid, above, width), key);
  }
  return found;
}

// Counts for each key the smaller ones: no branch depends on the keys, and sixteen are counted at a time.
template <int Vectors>
ANEAR_AVX512 Pivot find_ranked(const Key* keys, std::int64_t n, std::int64_t left) {
  const __m512i one = _mm512_set1_epi32(1), none = _mm512_set1_epi32(-1);
  __m512i at[Vectors], smaller[Vectors];
  for (int a = 0; a < Vectors; ++a) {
    at[a] = _mm512_mask_loadu_epi32(none, first_lanes(std::max<std::int64_t>(n - a * kLanes, 0)), keys + a * kLanes);
    smaller[a] = _mm512_setzero_si512();
  }
  __m512i turn = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (int i = 0; i < kLanes; ++i) {
    turn = _mm512_add_epi32(turn, one);  // only the lowest four bits count
    for (int b = 0; b < Vectors; ++b) {
      const __m512i other = _mm512_permutexvar_epi32(turn, at[b]);
      for (int a = 0; a < Vectors; ++a) {
        smaller[a] = _mm512_mask_add_epi32(smaller[a], _mm512_cmplt_epu32_mask(other, at[a]), smaller[a], one);
      }
    }
  }
  // The key is the largest of those with fewer than `left` smaller ones.
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(left));
  __m512i fitting = _mm512_setzero_si512(), count = _mm512_setzero_si512();
  for (int a = 0; a < Vectors; ++a) {
    const Mask fits = _mm512_cmplt_epu32_mask(smaller[a], limit);
    fitting = _mm512_mask_max_epu32(fitting, fits, fitting, at[a]);
    count = _mm512_mask_max_epu32(count, fits, count, smaller[a]);
  }
  return {_mm512_reduce_max_epu32(fitting), left - static_cast<std::int64_t>(_mm512_reduce_max_epu32(count))};
}

ANEAR_AVX512 Pivot find_among_few(const Key* keys, std::int64_t n, std::int64_t left, Key*) {
  if (n <= kLanes) return find_ranked<1>(keys, n, left);
  if (n <= 2 * kLanes) return find_ranked<2>(keys, n, left);
  return find_ranked<3>(keys, n, left);
}

// Which of sixteen keys go left; takes the equal ones from the pivot.
ANEAR_AVX512 inline Mask mark(__m512i keys, Mask valid, __m512i key, std::int64_t& equal) {
  const Mask below = _mm512_mask_cmplt_epu32_mask(valid, keys, key);
  Mask same = _mm512_mask_cmpeq_epu32_mask(valid, keys, key);
  if (same == 0) return below;
  if (equal < __builtin_popcount(same)) same = static_cast<Mask>(_pdep_u32((1u << equal) - 1, same));
  equal -= __builtin_popcount(same);
  return below | same;
}

// Of `n` rows, those whose mark is set go left.
ANEAR_AVX512 inline void move(const Key* from, const Mask* marks, std::int64_t n, Key* left, Key* right) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Mask valid = first_lanes(n - i), mark = marks[i / kLanes];
    const __m512i keys = _mm512_maskz_loadu_epi32(valid, from + i);
    left += put(left, mark, keys);
    right += put(right, valid & static_cast<Mask>(~mark), keys);
  }
}

ANEAR_AVX512 void cut(const Columns& from, std::int64_t n, std::int64_t by, Pivot pivot, std::int64_t first,
                      const Columns& left, const Columns& right) {
  constexpr std::int64_t kChunk = 4096;
  std::array<Mask, kChunk / kLanes> marks;
  const __m512i key = _mm512_set1_epi32(static_cast<int>(pivot.key));
  std::int64_t gone_left = 0;
  for (std::int64_t start = 0; start < n; start += kChunk) {
    const std::int64_t count = std::min(kChunk, n - start);
    const Key* keys = from.column(by) + start;
    std::int64_t marked = 0;
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const Mask valid = first_lanes(count - i);
      marks[i / kLanes] = mark(_mm512_maskz_loadu_epi32(valid, keys + i), valid, key, pivot.equal);
      marked += __builtin_popcount(marks[i / kLanes]);
    }
    for (std::int64_t j = first; j < from.count; ++j) {
      move(from.column(j) + start, marks.data(), count, left.column(j) + gone_left,
           right.column(j) + start - gone_left);
    }
    gone_left += marked;
  }
}

ANEAR_AVX512 inline __m512i larger_of(__m512i a, __m512i b) { return _mm512_max_epu32(a, b); }

// The largest lane of each of four vectors.
ANEAR_AVX512 inline void put_largest(const __m512i v[4], Key* out) {
  const __m512i a = larger_of(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const __m512i b = larger_of(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  __m512i all = larger_of(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  all = larger_of(all, _mm512_shuffle_i32x4(all, all, 0x4e));
  all = larger_of(all, _mm512_shuffle_i32x4(all, all, 0xb1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_castsi512_si128(all));
}

ANEAR_AVX512 void reach(const Columns& from, std::int64_t n, std::int64_t count, Key* low, Key* high) {
  const __m512i ones = _mm512_set1_epi32(-1);
  for (std::int64_t j = 0; j < count; j += 4) {
    const Key* columns[4];
    __m512i most[4], least[4];  // the least as its complement, which is then the largest
    for (int c = 0; c < 4; ++c) {
      columns[c] = from.column(std::min(j + c, count - 1));
      most[c] = least[c] = _mm512_setzero_si512();
    }
    for (std::int64_t i = 0; i < n; i += kLanes) {
      const Mask valid = first_lanes(n - i);
      for (int c = 0; c < 4; ++c) {
        const __m512i keys = _mm512_maskz_loadu_epi32(valid, columns[c] + i);
        most[c] = larger_of(most[c], keys);
        least[c] = larger_of(least[c], _mm512_maskz_andnot_epi32(valid, keys, ones));
      }
    }
    put_largest(most, high + j);
    put_largest(least, low + j);
  }
  for (std::int64_t j = 0; j < count; ++j) low[j] = ~low[j];
}

}  // namespace

const Cutter* wide_cutter() {
  static const Cutter wide{sift, find_among_few, 3 * kLanes, cut, reach};
  return may_use({"avx512f", "bmi2"}) ? &wide : nullptr;
}

}  // namespace anear

#else

namespace anear {
const Cutter* wide_cutter() { return nullptr; }
}  // namespace anear

#endif
