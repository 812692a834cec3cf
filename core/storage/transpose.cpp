#include "storage/transpose.h"

#include <algorithm>
#include <array>

namespace anear {
namespace {

double widened(double v) { return v; }
double widened(float v) { return v; }
double widened(Float16 v) { return widen(v); }
double widened(BFloat16 v) { return widen(v); }
double widened(std::int8_t v) { return v; }
double widened(std::uint8_t v) { return v; }

// `lanes` rows, read side by side: each stream is sequential, and so is the output.
template <class T, std::int64_t kLanes>
void transpose_lanes(const std::array<const T*, kLanes>& rows, std::int64_t columns, std::int64_t stride, double* out) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) out[c * stride + lane] = widened(rows[lane][c]);
  }
}

template <class T>
void transpose(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out) {
  constexpr std::int64_t kLanes = 8;
  const auto row = [&](std::int64_t i) {
    return reinterpret_cast<const T*>(rows.row(std::min(first + i, rows.count - 1)));
  };
  for (std::int64_t b = 0; b < blocks; ++b) {
    double* block_out = out + b * block * rows.columns;
    std::int64_t lane = 0;
    for (; lane + kLanes <= block; lane += kLanes) {
      std::array<const T*, kLanes> pointers;
      for (std::int64_t i = 0; i < kLanes; ++i) pointers[i] = row(b * block + lane + i);
      transpose_lanes<T, kLanes>(pointers, rows.columns, block, block_out + lane);
    }
    for (; lane < block; ++lane) transpose_lanes<T, 1>({row(b * block + lane)}, rows.columns, block, block_out + lane);
  }
}

}  // namespace

void transpose_rows(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out) {
  with_storage_type(rows.storage, [&]<class T>(const T*) { transpose<T>(rows, first, blocks, block, out); });
}

}  // namespace anear
