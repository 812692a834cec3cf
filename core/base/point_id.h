// The number of a point.
#pragma once
#include <cstdint>
#include <limits>

namespace anear {

// As the kernels read it: 32 bits without a sign, which suffice for every point that the memory of one machine holds
// together with what a search needs of it.
using PointId = std::uint32_t;

// Room is left for numbers of padding.
constexpr std::int64_t kMostPoints = (std::int64_t{1} << 32) - (1 << 20);
constexpr PointId kNobody = std::numeric_limits<PointId>::max();

}  // namespace anear
