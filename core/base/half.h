// The two 16-bit floats, widened. Pure integer arithmetic, so that every compiler turns a loop of them into vectors.
#pragma once
#include <bit>
#include <cstdint>

namespace anear {

struct Float16 {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

inline float widen(BFloat16 v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v.bits) << 16); }

inline float widen(Float16 v) {
  // Shift exponent and mantissa into place; multiplying by 2^112 rebiases the exponent and normalises denormals exactly.
  const std::uint32_t magnitude = static_cast<std::uint32_t>(v.bits & 0x7fffu) << 13;
  const std::uint32_t sign = static_cast<std::uint32_t>(v.bits & 0x8000u) << 16;
  const bool special = (v.bits & 0x7c00u) == 0x7c00u;  // inf and NaN keep the largest exponent
  const float scaled = std::bit_cast<float>(magnitude) * std::bit_cast<float>(std::uint32_t{(127 + 112) << 23});
  const std::uint32_t bits = special ? (magnitude | 0x7f800000u) : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(bits | sign);
}

}  // namespace anear
