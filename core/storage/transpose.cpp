#include "storage/transpose.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/features.h"
#include "base/intrinsics.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

namespace anear {
namespace {

// Rows are taken four at a time, so that squares of four by four numbers can be turned in registers.
constexpr std::int64_t kLanes = 4;
// Columns taken at a time, so that what all lanes of a block write of them stays in the first-level cache.
constexpr std::int64_t kStrip = 64;

template <class T>
using Lanes = std::array<const T*, kLanes>;

// Columns [from, to) of four rows, one number at a time.
template <class T>
void turn_each(const Lanes<T>& rows, std::int64_t from, std::int64_t to, std::int64_t stride, double* out) {
  for (std::int64_t c = from; c < to; ++c) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) out[c * stride + lane] = rows[lane][c];
  }
}

#if defined(__SSE2__) || defined(_M_X64)

void turn(const Lanes<float>& rows, std::int64_t columns, std::int64_t stride, double* out) {
  std::int64_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    __m128 v[4];
    for (int i = 0; i < 4; ++i) v[i] = _mm_loadu_ps(rows[i] + c);
    _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]);
    for (int i = 0; i < 4; ++i) {
      _mm_storeu_pd(out + (c + i) * stride, _mm_cvtps_pd(v[i]));
      _mm_storeu_pd(out + (c + i) * stride + 2, _mm_cvtps_pd(_mm_movehl_ps(v[i], v[i])));
    }
  }
  turn_each(rows, c, columns, stride, out);
}

void turn(const Lanes<double>& rows, std::int64_t columns, std::int64_t stride, double* out) {
  std::int64_t c = 0;
  for (; c + 2 <= columns; c += 2) {
    for (int lane = 0; lane < 4; lane += 2) {
      const __m128d a = _mm_loadu_pd(rows[lane] + c);
      const __m128d b = _mm_loadu_pd(rows[lane + 1] + c);
      _mm_storeu_pd(out + c * stride + lane, _mm_unpacklo_pd(a, b));
      _mm_storeu_pd(out + (c + 1) * stride + lane, _mm_unpackhi_pd(a, b));
    }
  }
  turn_each(rows, c, columns, stride, out);
}

#else

template <class T>
void turn(const Lanes<T>& rows, std::int64_t columns, std::int64_t stride, double* out) {
  turn_each(rows, 0, columns, stride, out);
}

#endif

#ifdef ANEAR_AVX2

// Eight columns of eight rows, turned.
ANEAR_AVX2 inline void turn_square(const float* const* rows, std::int64_t c, __m256* v) {
  __m256 r[8], t[8];
  for (int i = 0; i < 4; ++i) {
    // Lanes and columns four apart share a register: what is left to do stays within its halves.
    r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[i] + c)), _mm_loadu_ps(rows[i + 4] + c), 1);
    r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[i] + c + 4)),
                                    _mm_loadu_ps(rows[i + 4] + c + 4), 1);
  }
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
}

ANEAR_AVX2 inline void put(__m256 v, double* to) {
  _mm256_storeu_pd(to, _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
  _mm256_storeu_pd(to + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}

ANEAR_AVX2 inline void put(__m256 v, float* to) { _mm256_storeu_ps(to, v); }

// Columns [0, columns), a multiple of eight, of eight rows.
template <class Out>
ANEAR_AVX2 void turn_wide(const float* const* rows, std::int64_t columns, std::int64_t stride, Out* out) {
  for (std::int64_t c = 0; c < columns; c += 8) {
    __m256 v[8];
    turn_square(rows, c, v);
    for (int i = 0; i < 8; ++i) put(v[i], out + (c + i) * stride);
  }
}

// A block of float32 rows, `row` giving those of its lanes.
template <class Out, class Row>
void turn_block(const Row& row, std::int64_t columns, std::int64_t block, Out* out) {
  const std::int64_t whole = columns / 8 * 8;
  for (std::int64_t lane = 0; lane < block; lane += 8) {
    const float* lanes[8];
    for (std::int64_t i = 0; i < 8; ++i) lanes[i] = row(lane + i);
    turn_wide(lanes, whole, block, out + lane);
    for (std::int64_t c = whole; c < columns; ++c) {
      for (std::int64_t i = 0; i < 8; ++i) out[c * block + lane + i] = lanes[i][c];
    }
  }
}

// The first `columns` (a multiple of eight) numbers of eight lanes, each lane's behind one another.
ANEAR_AVX2 void separate_wide(const float* from, std::int64_t columns, std::int64_t block, std::int64_t stride,
                              float* out) {
  for (std::int64_t c = 0; c < columns; c += 8) {
    const float* rows[8];
    for (int i = 0; i < 8; ++i) rows[i] = from + (c + i) * block;
    __m256 v[8];
    turn_square(rows, 0, v);
    for (int i = 0; i < 8; ++i) _mm256_storeu_ps(out + i * stride + c, v[i]);
  }
}

#endif

// Columns [from, to) of four rows. Every type narrower than float fits one exactly.
template <class T>
void turn_lanes(const Lanes<T>& rows, std::int64_t from, std::int64_t to, std::int64_t stride, double* out) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    turn({rows[0] + from, rows[1] + from, rows[2] + from, rows[3] + from}, to - from, stride, out);
  } else {
    float strips[kLanes][kStrip];
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      for (std::int64_t c = from; c < to; ++c) strips[lane][c - from] = widened(rows[lane][c]);
    }
    turn(Lanes<float>{strips[0], strips[1], strips[2], strips[3]}, to - from, stride, out);
  }
}

template <class T>
void transpose(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out) {
  const auto row = [&](std::int64_t i) {
    return reinterpret_cast<const T*>(rows.row(std::min(first + i, rows.count - 1)));
  };
  for (std::int64_t start = 0; start < blocks * block; start += block, out += block * rows.columns) {
#ifdef ANEAR_AVX2
    if constexpr (std::is_same_v<T, float>) {
      if (can_turn_floats(block)) {
        turn_block([&](std::int64_t lane) { return row(start + lane); }, rows.columns, block, out);
        continue;
      }
    }
#endif
    for (std::int64_t from = 0; from < rows.columns; from += kStrip) {
      const std::int64_t to = std::min(from + kStrip, rows.columns);
      double* strip = out + from * block;
      std::int64_t lane = 0;
      for (; lane + kLanes <= block; lane += kLanes) {
        const std::int64_t i = start + lane;
        turn_lanes<T>({row(i), row(i + 1), row(i + 2), row(i + 3)}, from, to, block, strip + lane);
      }
      for (; lane < block; ++lane) {
        for (std::int64_t c = from; c < to; ++c) strip[(c - from) * block + lane] = widened(row(start + lane)[c]);
      }
    }
  }
}

// What is left of [slots][block] -> [count][slots]: all but `columns` numbers of the first `lanes`.
template <class Real>
void separate(const Real* from, std::int64_t lanes, std::int64_t columns, std::int64_t slots, std::int64_t block,
              std::int64_t count, Real* out) {
  for (std::int64_t slot = 0; slot < slots; ++slot) {
    for (std::int64_t lane = slot < columns ? lanes : 0; lane < count; ++lane) {
      out[lane * slots + slot] = from[slot * block + lane];
    }
  }
}

}  // namespace

void separate_lanes(const double* from, std::int64_t slots, std::int64_t block, std::int64_t count, double* out) {
  separate(from, 0, 0, slots, block, count, out);
}

void separate_lanes(const float* from, std::int64_t slots, std::int64_t block, std::int64_t count, float* out) {
  std::int64_t lanes = 0, columns = 0;
#ifdef ANEAR_AVX2
  if (may_use_avx2()) {
    columns = slots / 8 * 8;
    for (; lanes + 8 <= count; lanes += 8) separate_wide(from + lanes, columns, block, slots, out + lanes * slots);
  }
#endif
  separate(from, lanes, columns, slots, block, count, out);
}

#ifdef ANEAR_AVX2

bool can_turn_floats(std::int64_t block) { return block % 8 == 0 && may_use_avx2(); }

void turn_floats(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, std::int64_t stride,
                 std::byte* out) {
  for (std::int64_t i = 0; i < blocks; ++i) {
    const auto row = [&](std::int64_t lane) {
      return reinterpret_cast<const float*>(rows.row(std::min(first + i * block + lane, rows.count - 1)));
    };
    turn_block(row, rows.columns, block, reinterpret_cast<float*>(out + i * stride));
  }
}

#else

bool can_turn_floats(std::int64_t) { return false; }
void turn_floats(const Rows&, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::byte*) {}

#endif

void transpose_rows(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out) {
  with_storage_type(rows.storage, [&]<class T>(const T*) { transpose<T>(rows, first, blocks, block, out); });
}

}  // namespace anear
