// Orders random points for test_partition.py: `seed`. With little memory the order must be the one that much gives.
// Prints what differs.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "parts/partition.h"

namespace {

using anear::SplitRule;

// Clustered, with columns of few different numbers, and what is no number.
std::vector<float> points(std::int64_t n, std::int64_t columns, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n * columns);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto centre = static_cast<float>(random() % 5);
    for (std::int64_t j = 0; j < columns; ++j) {
      float value = centre + normal(random) * static_cast<float>(j + 1);
      if (j % 3 == 1) value = std::floor(value);
      if (random() % 1000 == 0) value = std::numeric_limits<float>::quiet_NaN();
      if (random() % 1000 == 0) value = -std::numeric_limits<float>::infinity();
      values[i * columns + j] = value;
    }
  }
  return values;
}

bool check(std::int64_t n, std::int64_t columns, std::int64_t block, SplitRule rule, std::mt19937_64& random) {
  const std::vector<float> values = points(n, columns, random);
  const anear::Rows rows{reinterpret_cast<const std::byte*>(values.data()), n, columns, anear::Storage::float32};
  anear::Progress progress;
  const auto wanted = anear::cell_order(rows, block, rule, 1, progress);
  std::vector<bool> seen(n);
  for (const anear::PointId id : wanted) seen[id] = true;
  for (std::int64_t i = 0; i < n; ++i) {
    if (!seen[i]) return false;
  }
  // as little as is ever used, and about a third of what all need
  for (const std::int64_t memory : {std::int64_t{1}, 8 * (columns + 1) * n / 3}) {
    for (const int threads : {1, 3}) {
      if (anear::cell_order(rows, block, rule, threads, progress, memory) != wanted) return false;
    }
  }
  return true;
}

}  // namespace

int main(int, char** arguments) {
  std::mt19937_64 random(std::strtoull(arguments[1], nullptr, 10));
  for (const std::int64_t n : {2048, 2049, 5000, 20'001}) {
    for (const std::int64_t columns : {1, 3, n < 10'000 ? 40 : 10}) {
      for (const std::int64_t block : {16, 8}) {
        for (const SplitRule rule : {SplitRule::spread, SplitRule::round_robin}) {
          if (check(n, columns, block, rule, random)) continue;
          std::printf("%lld points of %lld columns, blocks of %lld, rule %d\n", static_cast<long long>(n),
                      static_cast<long long>(columns), static_cast<long long>(block), static_cast<int>(rule));
          return 0;
        }
      }
    }
  }
  std::puts("right");
}
