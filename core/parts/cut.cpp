#include "parts/cut.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "result/select.h"

namespace anear {

const Cutter* wide_cutter();  // cut_wide.cpp; null: not on this processor

namespace {

Sifted sift(const Key* keys, std::int64_t n, Key low, Key high, Key* out) {
  Sifted found{};
  const Key width = high - low;
  for (std::int64_t i = 0; i < n; ++i) {
    const Key key = keys[i];
    out[found.between] = key;
    found.below += key < low;
    found.at += key == low;
    found.between += key - low - 1 < width;  // of unsigned numbers: those below are far above
  }
  return found;
}

Pivot find_among_few(const Key* keys, std::int64_t n, std::int64_t left, Key* scratch) {
  std::copy_n(keys, n, scratch);
  select_smallest(scratch, n, left);
  const Key key = scratch[left - 1];
  return {key, left - std::count_if(scratch, scratch + left, [&](Key other) { return other < key; })};
}

// Where a row goes does not depend on its columns, and is found without a branch that half of all rows would take.
void cut(const Columns& from, std::int64_t n, std::int64_t by, Pivot pivot, std::int64_t first, const Columns& left,
         const Columns& right) {
  constexpr std::int64_t kChunk = 512;
  std::array<std::int64_t, kChunk> places;
  std::int64_t gone_left = 0;
  for (std::int64_t start = 0; start < n; start += kChunk) {
    const std::int64_t count = std::min(kChunk, n - start);
    const Key* const keys = from.column(by) + start;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t equal = (keys[i] == pivot.key) & (pivot.equal > 0), to_left = (keys[i] < pivot.key) | equal;
      const std::int64_t place_right = right.data - left.data + start + i - gone_left;
      places[i] = place_right + (gone_left - place_right) * to_left;
      pivot.equal -= equal;
      gone_left += to_left;
    }
    for (std::int64_t j = first; j < from.count; ++j) {
      const Key* const column = from.column(j) + start;
      Key* const out = left.column(j);
      for (std::int64_t i = 0; i < count; ++i) out[places[i]] = column[i];
    }
  }
}

void reach(const Columns& from, std::int64_t n, std::int64_t count, Key* low, Key* high) {
  for (std::int64_t j = 0; j < count; ++j) {
    const Key* keys = from.column(j);
    Key least = keys[0], most = keys[0];
    for (std::int64_t i = 1; i < n; ++i) {
      least = std::min(least, keys[i]);
      most = std::max(most, keys[i]);
    }
    low[j] = least;
    high[j] = most;
  }
}

// How many keys show where one is to be sought among n.
std::int64_t sample_size(std::int64_t n) { return n < 1 << 11 ? 16 : n < 1 << 14 ? 64 : n < 1 << 17 ? 256 : 1024; }

}  // namespace

const Cutter& plain_cutter() {
  static const Cutter plain{sift, find_among_few, 256, cut, reach};
  return plain;
}

const Cutter& best_cutter() {
  static const Cutter* const wide = wide_cutter();
  return wide != nullptr ? *wide : plain_cutter();
}

std::vector<std::int64_t> place_pieces(std::vector<Sifted>& pieces, Pivot pivot) {
  std::vector<std::int64_t> left_before;
  left_before.reserve(pieces.size());
  std::int64_t before = 0;
  for (Sifted& piece : pieces) {
    piece.at = std::min(pivot.equal, piece.at);
    pivot.equal -= piece.at;
    left_before.push_back(std::exchange(before, before + piece.below + piece.at));
  }
  return left_before;
}

// By Floyd and Rivest, 1975.
Bracket enclose(const Cutter& cutter, const Key* keys, std::int64_t n, std::int64_t rank) {
  std::array<Key, 1024> sample, spare, more;
  Key* const scratch[]{spare.data(), more.data()};
  const std::int64_t size = std::min(sample_size(n), n), step = n / size;
  for (std::int64_t i = 0; i < size; ++i) sample[i] = keys[i * step + ((i * 40503 & 0xffff) * step >> 16)];
  // Few that are taken for nothing are worth another look now and then; of many, one would be dear.
  const double deviations = size <= 64 ? 0.75 : 1.3;
  const auto reach = static_cast<std::int64_t>(deviations * std::sqrt(static_cast<double>(size)));
  const std::int64_t middle = rank * size / n;
  const auto key = [&](std::int64_t left) { return find_pivot(cutter, sample.data(), size, left, scratch).key; };
  // `low` is one of the keys always: so no search goes on among as many as before.
  return {key(std::max<std::int64_t>(middle - reach, 0) + 1),
          middle + reach >= size ? std::numeric_limits<Key>::max() : key(middle + reach + 1)};
}

Pivot find_pivot(const Cutter& cutter, const Key* keys, std::int64_t n, std::int64_t left, Key* const scratch[2]) {
  // Narrows the keys down to few, where the one that is wanted has as many smaller ones as it has to have.
  for (int turn = 0;; turn ^= 1) {
    if (n <= cutter.few) return cutter.find_among_few(keys, n, left, scratch[turn]);
    auto [low, high] = enclose(cutter, keys, n, left - 1);
    for (;;) {
      const Sifted found = cutter.sift(keys, n, low, high, scratch[turn]);
      const std::int64_t above_low = left - found.below - found.at;
      if (left <= found.below) {  // the sample was wrong
        high = std::exchange(low, 0) - 1;
      } else if (above_low <= 0) {
        return {low, left - found.below};
      } else if (above_low > found.between) {
        low = std::exchange(high, std::numeric_limits<Key>::max());
      } else {
        keys = scratch[turn];
        n = found.between;
        left = above_low;
        break;
      }
    }
  }
}

}  // namespace anear
