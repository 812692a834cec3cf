// Cutting columns of numbers in two, at the number of a given rank in one of them: the inner loops of partition.cpp.
//
// Every implementation gives the same result, since a cut is stable: of two rows on one side, that comes first which
// did so before.
#pragma once
#include <cstdint>
#include <vector>

namespace anear {

using Key = std::uint32_t;  // a float, so mapped that it compares as the float does

// Columns of keys, `stride` apart.
struct Columns {
  Key* data;
  std::int64_t stride;
  std::int64_t count;

  Key* column(std::int64_t j) const { return data + j * stride; }
  Columns at(std::int64_t row) const { return {data + row, stride, count}; }
};

// Where keys are cut: the smaller ones lie left of the cut, and of those equal to `key` the first `equal`.
struct Pivot {
  Key key;
  std::int64_t equal;
};

// How many keys are smaller than `low`, equal to it, and above it but at most `high`.
struct Sifted {
  std::int64_t below, at, between;
};

// One implementation of the loops.
struct Cutter {
  // Counts, and copies the keys above `low` and at most `high` to `out`, which has room for all n.
  Sifted (*sift)(const Key* keys, std::int64_t n, Key low, Key high, Key* out);
  // The pivot that has `left` of n keys to its left; n <= few. `scratch` has room for n keys.
  Pivot (*find_among_few)(const Key* keys, std::int64_t n, std::int64_t left, Key* scratch);
  std::int64_t few;
  // Cuts n rows of `from` at a pivot in column `by`; the columns from `first` on go to `left` and `right`.
  void (*cut)(const Columns& from, std::int64_t n, std::int64_t by, Pivot pivot, std::int64_t first,
              const Columns& left, const Columns& right);
  // The smallest and the largest key of each of the first `count` columns; `low` and `high` have room for three more.
  void (*reach)(const Columns& from, std::int64_t n, std::int64_t count, Key* low, Key* high);
};

// The one that every processor has, and the fastest for this one.
const Cutter& plain_cutter();
const Cutter& best_cutter();

// Of pieces that lie one behind the other and are cut at one pivot: how many rows go left in all pieces before each.
// Leaves of those `at` the pivot the ones that go left.
std::vector<std::int64_t> place_pieces(std::vector<Sifted>& pieces, Pivot pivot);

// Two keys that the one of rank `rank` (from 0) among n most likely lies between, both included.
struct Bracket {
  Key low, high;
};
Bracket enclose(const Cutter& cutter, const Key* keys, std::int64_t n, std::int64_t rank);

// The pivot that has `left` of n keys to its left, 1 <= left <= n. `scratch`: two arrays of n keys each.
Pivot find_pivot(const Cutter& cutter, const Key* keys, std::int64_t n, std::int64_t left, Key* const scratch[2]);

}  // namespace anear
