#include "lists/turn.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/chance.h"

namespace anear {
namespace {

constexpr int kRounds = 3;
constexpr std::uint64_t kSeed = 20;       // part of the file format: codes were made by this rotation
constexpr std::int64_t kShort = 256;      // up to here a product with a matrix is faster
constexpr std::int64_t kRegister = 16;    // floats
constexpr float kRootHalf = 0.70710678f;  // 1 / sqrt(2)

// The Walsh-Hadamard transform of a power of two of numbers, scaled to be a rotation.
void transform(float* values, std::int64_t count) {
  for (std::int64_t half = 1; half < count; half *= 2) {
    for (std::int64_t first = 0; first < count; first += 2 * half) {
      float *low = values + first, *high = low + half;
      for (std::int64_t i = 0; i < half; ++i) {
        const float a = low[i], b = high[i];
        low[i] = (a + b) * kRootHalf;
        high[i] = (a - b) * kRootHalf;
      }
    }
  }
}

}  // namespace

Turn::Turn(std::int64_t length)
    : length_(length),
      part_(static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(length)))),
      signs_(kRounds * length) {
  for (std::size_t i = 0; i < signs_.size(); ++i) signs_[i] = (chance_bits(kSeed, i) >> 63) != 0 ? 1.0f : -1.0f;
  if (length > kShort) return;
  padded_ = (length + kRegister - 1) / kRegister * kRegister;
  float* column = matrix_.ensure(length * padded_);
  std::fill(column, column + length * padded_, 0.0f);
  for (std::int64_t j = 0; j < length; ++j, column += padded_) {
    column[j] = 1;
    in_place(column);
  }
}

// What lies in both parts mixes what lies in one of them.
void Turn::in_place(float* values) const {
  const float* sign = signs_.data();
  for (int round = 0; round < kRounds; ++round) {
    for (std::int64_t i = 0; i < length_; ++i) values[i] *= *sign++;
    transform(values, part_);
    if (part_ < length_) transform(values + length_ - part_, part_);
  }
}

void Turn::operator()(const float* in, float* out) const {
  if (length_ > kShort) {
    std::copy_n(in, length_, out);
    in_place(out);
    return;
  }
  for (std::int64_t first = 0; first < padded_; first += kRegister) {
    float sum[kRegister] = {};
    const float* column = matrix_.data() + first;
    for (std::int64_t j = 0; j < length_; ++j, column += padded_) {
      for (std::int64_t i = 0; i < kRegister; ++i) sum[i] += column[i] * in[j];
    }
    std::copy_n(sum, std::min(kRegister, length_ - first), out + first);
  }
}

}  // namespace anear
