// Turning vectors: a fixed rotation that spreads every coordinate over all of them.
//
// Inner products stay as they are, and whatever the coordinates were before (of very different sizes, with a few huge
// numbers among them), each becomes a sum of many: all are about equally large, and nearly normally distributed. That is
// what codes of few bits want.
#pragma once
#include <cstdint>
#include <vector>

#include "base/memory.h"

namespace anear {

class Turn {
 public:
  Turn() = default;
  explicit Turn(std::int64_t length);

  // out: the turned vector, which is not `in`.
  void operator()(const float* in, float* out) const;
  std::int64_t length() const { return length_; }

 private:
  void in_place(float* values) const;

  std::int64_t length_ = 0, part_ = 1;  // part: the largest power of two that is not longer
  std::vector<float> signs_;            // of each round
  AlignedArray<float> matrix_;          // of short vectors: column by column, each padded to whole registers
  std::int64_t padded_ = 0;
};

}  // namespace anear
