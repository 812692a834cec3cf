// Chance that depends on nothing but its numbers: the same on any number of threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace anear {

// 64 bits, of which each depends on all of both numbers (SplitMix64's finaliser).
inline std::uint64_t chance_bits(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15u + (number + 1) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// One of 0 ... count - 1.
inline std::int64_t chance_below(std::uint64_t seed, std::uint64_t number, std::int64_t count) {
  return static_cast<std::int64_t>(static_cast<double>(chance_bits(seed, number) >> 11) * 0x1p-53 *
                                   static_cast<double>(count));
}

// 0 ... count - 1 in an order of chance.
inline std::vector<std::int32_t> shuffled(std::int64_t count, std::uint64_t seed) {
  std::vector<std::int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::uint64_t> chances(count);
  for (std::int64_t i = 0; i < count; ++i) chances[i] = chance_bits(seed, static_cast<std::uint64_t>(i)) >> 11;
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return chances[a] < chances[b] || (chances[a] == chances[b] && a < b);
  });
  return order;
}

}  // namespace anear
