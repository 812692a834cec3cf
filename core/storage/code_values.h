// Comparing a query with codes: the inner loops of walks through them.
#pragma once
#include <cstdint>

#include "base/point_id.h"

namespace anear {

class Codes;
struct CodeQuery;

using CodeValues = void (*)(const Codes&, const CodeQuery&, const PointId* ids, std::int64_t n, float* out);

// Codes that one instruction takes at most: rows and weights are whole numbers of these.
constexpr std::int64_t kCodeRegister = 64;
constexpr std::int64_t kCodeTile = 4;  // points whose values are computed at a time

// Where the j-th code of a bilinear plan's row lies: of four bits the first 64 are the lower halves of 64 bytes, the next
// 64 the upper ones.
struct CodePlace {
  std::int64_t byte;
  int shift;
};
inline CodePlace code_place(std::int32_t bits, std::int64_t j) {
  if (bits == 8) return {j, 0};
  const std::int64_t group = j / (2 * kCodeRegister), at = j % (2 * kCodeRegister);
  return {group * kCodeRegister + at % kCodeRegister, at < kCodeRegister ? 0 : 4};
}

// The fastest of this machine for codes of so many bits, so many a point.
CodeValues bilinear_values(std::int32_t bits, std::int64_t length);

}  // namespace anear
