// Cuts random columns for test_cut.py: `plain|best most seed`, keys up to `most`. Prints what differs from the obvious.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "parts/cut.h"

namespace {

using anear::Key;
constexpr std::int64_t kColumns = 6, kGap = 40;
constexpr Key kUntouched = 0xabcdef01;

// Columns a gap apart, in which nothing may be written.
struct Matrix {
  explicit Matrix(std::int64_t rows)
      : stride(rows + kGap),
        keys(kColumns * stride + kGap, kUntouched),
        columns{keys.data() + kGap, stride, kColumns} {}
  std::vector<Key> column(std::int64_t j) const { return {columns.column(j), columns.column(j) + stride - kGap}; }
  bool gaps_untouched() const {
    for (std::int64_t j = -1; j < kColumns; ++j) {
      const Key* gap = columns.data + j * stride + (stride - kGap);
      if (!std::all_of(gap, gap + kGap, [](Key key) { return key == kUntouched; })) return false;
    }
    return true;
  }
  std::int64_t stride;
  std::vector<Key> keys;
  anear::Columns columns;
};

void expect(bool right, const char* what, std::int64_t n) {
  if (right) return;
  std::printf("%s of %lld keys\n", what, static_cast<long long>(n));
  std::exit(0);
}

void check(const anear::Cutter& cutter, std::int64_t n, Key most, std::mt19937_64& random) {
  Matrix from(n), to(n), spare(n);
  for (std::int64_t j = 0; j < kColumns; ++j) {
    for (std::int64_t i = 0; i < n; ++i)
      from.columns.column(j)[i] = static_cast<Key>(random() % (std::uint64_t{most} + 1));
  }
  const std::int64_t left = 1 + static_cast<std::int64_t>(random() % n), by = 2, first = random() % 2 ? 0 : 4;
  auto sorted = from.column(by);
  std::sort(sorted.begin(), sorted.end());
  Key* const scratch[]{spare.columns.column(0), spare.columns.column(1)};
  const anear::Pivot pivot = anear::find_pivot(cutter, from.columns.column(by), n, left, scratch);
  const std::int64_t smaller = std::lower_bound(sorted.begin(), sorted.end(), pivot.key) - sorted.begin();
  expect(pivot.key == sorted[left - 1] && pivot.equal == left - smaller, "pivot", n);
  expect(spare.gaps_untouched(), "memory beside the scratch", n);

  std::vector<bool> goes_left;
  std::int64_t equal = pivot.equal;
  for (const Key key : from.column(by)) goes_left.push_back(key < pivot.key || (key == pivot.key && equal-- > 0));
  cutter.cut(from.columns, n, by, pivot, first, to.columns, to.columns.at(left));
  for (std::int64_t j = first; j < kColumns; ++j) {
    std::vector<Key> wanted, rest;
    for (std::int64_t i = 0; i < n; ++i) (goes_left[i] ? wanted : rest).push_back(from.columns.column(j)[i]);
    wanted.insert(wanted.end(), rest.begin(), rest.end());
    expect(to.column(j) == wanted, "cut", n);
  }
  expect(to.gaps_untouched(), "memory beside the cut", n);

  Key low[kColumns + 3], high[kColumns + 3];
  cutter.reach(from.columns, n, kColumns, low, high);
  for (std::int64_t j = 0; j < kColumns; ++j) {
    const auto column = from.column(j);
    expect(low[j] == *std::min_element(column.begin(), column.end()) &&
               high[j] == *std::max_element(column.begin(), column.end()),
           "reach", n);
  }
}

}  // namespace

int main(int, char** arguments) {
  const anear::Cutter& cutter = std::string(arguments[1]) == "plain" ? anear::plain_cutter() : anear::best_cutter();
  const auto most = static_cast<Key>(std::strtoul(arguments[2], nullptr, 10));
  std::mt19937_64 random(std::strtoull(arguments[3], nullptr, 10));
  for (std::int64_t n = 1; n < 150; ++n) check(cutter, n, most, random);
  for (int i = 0; i < 40; ++i) check(cutter, 1 + static_cast<std::int64_t>(random() % 9000), most, random);
  std::puts("right");
}
