// What codes stand for.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "storage/code_form.h"

namespace anear {

// A code of eight bits is a level from 0 to 255, one of four bits a place among sixteen such levels. A level stands for
//   low + step * level.
// What this is off by, E = P - (low + step * level), a bilinear plan multiplies with a query's weights Q. Of this
//   middle * E + share * (Q' - middle) * E
// is added to the point's scalar, Q' being the point's own weights as a query: queries are like one another, and those
// that a point is near to are like the point. So walks and pruning lose to codes a part of what they would lose else.
struct CodeScale {
  std::vector<float> low, step;           // of each column of codes
  std::array<std::uint8_t, 16> levels{};  // of codes of four bits, in ascending order
  std::vector<float> middle;              // of the weights; with a kernel there are none
  double share = 0, shift = 0;            // shift: taken off the scalars, which are then small and lose few digits

  // The code of each level: the one whose level is the nearest.
  std::array<std::uint8_t, 256> nearest(std::int32_t bits) const;
};

// The scale that suits these points, the same on any number of threads.
CodeScale code_scale(const CodeForm& form, const Rows& rows, int threads, Progress& progress);

// The number of a level is `value`, about; 0 where there are no levels or no number.
inline std::int32_t level_of(float value, float low, float step) {
  const float level = step > 0 ? (value - low) / step : 0;
  constexpr float kWhole = 12582912;  // 1.5 * 2^23: beside it there is no room for fractions
  return level > 0 ? static_cast<std::int32_t>((std::min(level, 255.0f) + kWhole) - kWhole) : 0;
}

}  // namespace anear
