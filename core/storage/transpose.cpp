#include "storage/transpose.h"

#include <algorithm>
#include <array>
#include <type_traits>

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

}  // namespace

void transpose_rows(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out) {
  with_storage_type(rows.storage, [&]<class T>(const T*) { transpose<T>(rows, first, blocks, block, out); });
}

}  // namespace anear
