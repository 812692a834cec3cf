#include "parts/coordinates.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

namespace anear {
namespace {

constexpr Key kSign = 0x80000000u;

Key sortable(float value) {
  const auto bits = std::bit_cast<Key>(value + 0.0f);  // -0 becomes 0: they are equal
  return bits & kSign ? ~bits : bits | kSign;
}

float from_sortable(Key bits) { return std::bit_cast<float>(bits & kSign ? bits ^ kSign : ~bits); }

// The columns to cut: all, or those that extend furthest.
std::vector<std::int32_t> choose_columns(const Rows& rows) {
  std::vector<std::int32_t> columns(rows.columns);
  std::iota(columns.begin(), columns.end(), 0);
  if (rows.columns <= Coordinates::kMost) return columns;
  std::vector<double> low(rows.columns, std::numeric_limits<double>::infinity()), high(rows.columns, -low[0]);
  const std::int64_t step = std::max<std::int64_t>(rows.count / 4096, 1);
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    for (std::int64_t i = 0; i < rows.count; i += step) {
      const auto* row = reinterpret_cast<const Stored*>(rows.row(i));
      for (std::int64_t j = 0; j < rows.columns; ++j) {
        low[j] = std::min(low[j], static_cast<double>(widened(row[j])));
        high[j] = std::max(high[j], static_cast<double>(widened(row[j])));
      }
    }
  });
  const auto wider = [&](std::int32_t a, std::int32_t b) { return high[a] - low[a] > high[b] - low[b]; };
  std::stable_sort(columns.begin(), columns.end(), wider);
  columns.resize(Coordinates::kMost);
  return columns;
}

}  // namespace

Coordinates::Coordinates(const Rows& rows) : rows_(rows), columns_(choose_columns(rows)) {}

void Coordinates::load(std::int64_t j, const PointId* ids, std::int64_t first, std::int64_t count, Key* out) const {
  with_storage_type(rows_.storage, [&]<class Stored>(const Stored*) {
    const auto* const column = reinterpret_cast<const Stored*>(rows_.data) + columns_[j];
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t point = ids != nullptr ? ids[i] : first + i;
      const auto single = static_cast<float>(widened(column[point * rows_.columns]));
      out[i] = sortable(single == single ? single : std::numeric_limits<float>::infinity());
    }
  });
}

std::int64_t widest(const Cutter& cutter, const Columns& points, std::int64_t n) {
  std::array<Key, Coordinates::kMost + 3> low, high;
  cutter.reach(points, n, points.count, low.data(), high.data());
  std::int64_t best = 0;
  float most = -1;
  for (std::int64_t j = 0; j < points.count; ++j) {
    const float width = from_sortable(high[j]) - from_sortable(low[j]);
    if (width > most) best = j, most = width;
  }
  return best;
}

}  // namespace anear
