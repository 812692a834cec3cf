#include "parts/curve.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numeric>

namespace anear {
namespace {

constexpr int kBits = 30;           // of a place on the curve, at most
constexpr std::int64_t kMost = 10;  // columns that share them
constexpr int kFinest = 12;         // bits of one column: the table of them must cost nothing beside a small batch

// A place on the curve, as digits to count by. Some rows in one place do no harm where there are many places, so few rows
// need fewer bits; but of each column some.
struct Digits {
  Digits(std::int64_t rows, int columns) : width(rows < 1 << 12 ? 8 : kWidest) {
    constexpr int kFew = 5;
    const int most = kBits / columns, enough = rows < 1 << 16 ? 2 * width / columns : most;
    column_bits = std::min({std::max(enough, kFew), most, kFinest});
    count = (column_bits * columns + width - 1) / width;
  }

  static constexpr int kWidest = 11;  // bits
  int width, column_bits, count;
};

// Sorts by the upper halves, by counting.
void sort_by_place(std::vector<std::uint64_t>& items, const Digits& digits) {
  std::vector<std::uint64_t> other(items.size());
  std::array<std::uint32_t, 1 << Digits::kWidest> starts;
  const std::uint64_t mask = (std::uint64_t{1} << digits.width) - 1;
  for (int digit = 0, shift = 32; digit < digits.count; ++digit, shift += digits.width) {
    std::fill_n(starts.begin(), mask + 1, 0u);
    for (const std::uint64_t item : items) ++starts[item >> shift & mask];
    std::exclusive_scan(starts.begin(), starts.begin() + static_cast<std::ptrdiff_t>(mask + 1), starts.begin(), 0u);
    for (const std::uint64_t item : items) other[starts[item >> shift & mask]++] = item;
    items.swap(other);
  }
}

struct Extent {
  double low, high;
};

// The smallest and the largest of at(0) ... at(count - 1), several at a time: none waits for the one before it.
template <class At>
Extent extent(std::int64_t count, const At& at) {
  constexpr std::int64_t kTogether = 4;
  std::array<double, kTogether> low, high;
  low.fill(std::numeric_limits<double>::max());
  high.fill(-std::numeric_limits<double>::max());
  for (std::int64_t i = 0; i < count; i += kTogether) {
    for (std::int64_t j = 0; j < kTogether; ++j) {
      const double value = at(std::min(i + j, count - 1));
      low[j] = std::min(low[j], value);  // NaN changes nothing
      high[j] = std::max(high[j], value);
    }
  }
  return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

}  // namespace

std::vector<PointId> curve_order(const Rows& rows) {
  const std::int64_t columns = std::min(rows.columns, kMost);
  const Digits digits(rows.count, static_cast<int>(columns));
  std::vector<std::uint32_t> spread(std::size_t{1} << digits.column_bits);  // bit i of the place to bit i * columns
  for (std::size_t i = 1; i < spread.size(); ++i) {
    spread[i] = spread[i >> 1] << columns | static_cast<std::uint32_t>(i & 1);
  }
  const auto last = static_cast<double>(spread.size() - 1);
  std::vector<std::uint64_t> items(rows.count);
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    const auto at = [&](std::int64_t i, std::int64_t j) {
      return static_cast<double>(widened(reinterpret_cast<const Stored*>(rows.data)[i * rows.columns + j]));
    };
    std::array<double, kMost> low, scale;
    for (std::int64_t j = 0; j < columns; ++j) {
      const Extent all = extent(rows.count, [&](std::int64_t i) { return at(i, j); });
      low[j] = all.low;
      scale[j] = all.high > all.low ? last / (all.high - all.low) : 0;
    }
    for (std::int64_t i = 0; i < rows.count; ++i) {
      std::uint32_t place = 0;
      for (std::int64_t j = 0; j < columns; ++j) {
        const double cell = (at(i, j) - low[j]) * scale[j];
        const double inside = cell > 0 ? std::min(cell, last) : 0;  // written so that NaN becomes 0
        place |= spread[static_cast<std::uint32_t>(inside)] << j;
      }
      items[i] = std::uint64_t{place} << 32 | static_cast<std::uint64_t>(i);
    }
  });
  sort_by_place(items, digits);
  std::vector<PointId> order(rows.count);
  for (std::int64_t i = 0; i < rows.count; ++i) order[i] = static_cast<PointId>(items[i] & 0xffffffffu);
  return order;
}

}  // namespace anear
