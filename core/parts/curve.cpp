#include "parts/curve.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace anear {
namespace {

constexpr int kBits = 30;           // of a place on the curve
constexpr std::int64_t kMost = 10;  // columns that share them
constexpr int kFinest = 12;         // bits of one column: the table of them must cost nothing beside a small batch

// Sorts by the upper halves, by counting: three passes of ten bits.
void sort_by_place(std::vector<std::uint64_t>& items) {
  constexpr int kDigit = 10;
  std::vector<std::uint64_t> other(items.size());
  for (int shift = 32; shift < 32 + kBits; shift += kDigit) {
    std::array<std::uint32_t, 1 << kDigit> starts{};
    for (const std::uint64_t item : items) ++starts[item >> shift & (starts.size() - 1)];
    std::exclusive_scan(starts.begin(), starts.end(), starts.begin(), 0u);
    for (const std::uint64_t item : items) other[starts[item >> shift & (starts.size() - 1)]++] = item;
    items.swap(other);
  }
}

}  // namespace

std::vector<std::int32_t> curve_order(const Rows& rows) {
  const std::int64_t columns = std::min(rows.columns, kMost);
  const int bits = std::min(kBits / static_cast<int>(columns), kFinest);
  std::vector<std::uint32_t> spread(std::size_t{1} << bits);  // bit i of the place to bit i * columns
  for (std::size_t i = 1; i < spread.size(); ++i) {
    spread[i] = spread[i >> 1] << columns | static_cast<std::uint32_t>(i & 1);
  }
  std::vector<std::uint64_t> items(rows.count);
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    const auto at = [&](std::int64_t i, std::int64_t j) {
      return static_cast<double>(widened(reinterpret_cast<const Stored*>(rows.row(i))[j]));
    };
    std::array<double, kMost> low, scale;
    for (std::int64_t j = 0; j < columns; ++j) {
      double smallest = std::numeric_limits<double>::max(), largest = -smallest;
      for (std::int64_t i = 0; i < rows.count; ++i) {
        smallest = std::min(smallest, at(i, j));
        largest = std::max(largest, at(i, j));
      }
      low[j] = smallest;
      scale[j] = largest > smallest ? static_cast<double>(spread.size() - 1) / (largest - smallest) : 0;
    }
    for (std::int64_t i = 0; i < rows.count; ++i) {
      std::uint32_t place = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        const double cell = (at(i, j) - low[j]) * scale[j];
        // written so that NaN becomes 0
        const double inside = cell > 0 ? std::min(cell, static_cast<double>(spread.size() - 1)) : 0;
        place |= spread[static_cast<std::size_t>(inside)] << j;
      }
      items[i] = std::uint64_t{place} << 32 | static_cast<std::uint64_t>(i);
    }
  });
  sort_by_place(items);
  std::vector<std::int32_t> order(rows.count);
  for (std::int64_t i = 0; i < rows.count; ++i) order[i] = static_cast<std::int32_t>(items[i] & 0xffffffffu);
  return order;
}

}  // namespace anear
