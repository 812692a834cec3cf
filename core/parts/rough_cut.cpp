#include "parts/rough_cut.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"

namespace anear {
namespace {

constexpr std::int64_t kPiece = 2 << 10;  // points whose ids and keys stay in the first-level cache

// The halves of a key: what one can be, and how often it is.
constexpr int kHalfBits = 16;
constexpr Key kHalf = (1 << kHalfBits) - 1;
using Tally = std::vector<std::int64_t>;

// Points of a range: their ids, and behind them their keys in the column it is cut by.
struct Piece {
  std::int64_t number, count;
  std::array<Key, 2 * kPiece> numbers;

  Key* ids() { return numbers.data(); }
  Key* keys() { return numbers.data() + kPiece; }
};

class RoughCut {
 public:
  RoughCut(const Coordinates& coordinates, std::int64_t block, SplitRule rule, std::vector<PointId>& order, int threads,
           Progress& progress)
      : coordinates_(coordinates),
        block_(block),
        rule_(rule),
        order_(order),
        moved_(order.size()),
        threads_(threads),
        progress_(progress) {}

  std::pair<CellRange, CellRange> cut(const CellRange& range) {
    const std::int64_t left = range.left(block_), middle = range.first + left, by = column_of(range);
    move(range, by, left, find_pivot(range, by, left));
    progress_.advance(range.size());
    return {{range.first, middle, range.depth + 1}, {middle, range.last, range.depth + 1}};
  }

 private:
  std::int64_t column_of(const CellRange& range) const {
    if (rule_ == SplitRule::round_robin) return range.depth % coordinates_.count();
    std::array<PointId, kSample> ids;
    SampleKeys sample;
    for (std::int64_t i = 0; i < kSample; ++i) ids[i] = order_[range.first + i * (range.size() / kSample)];
    for (std::int64_t j = 0; j < coordinates_.count(); ++j) {
      coordinates_.load(j, ids.data(), 0, kSample, sample.data() + j * kSample);
    }
    return widest(cutter_, {sample.data(), kSample, coordinates_.count()}, kSample);
  }

  static std::int64_t pieces_of(const CellRange& range) { return (range.size() + kPiece - 1) / kPiece; }

  // Calls body(piece, share) for the pieces of a range; those of a share one after the other.
  template <class Body>
  void for_pieces(const CellRange& range, std::int64_t by, const Body& body) const {
    const std::int64_t pieces = pieces_of(range);
    parallel_for(threads_, threads_, progress_, [&](std::int64_t share) {
      Piece piece;
      for (piece.number = pieces * share / threads_; piece.number < pieces * (share + 1) / threads_; ++piece.number) {
        const std::int64_t first = range.first + piece.number * kPiece;
        piece.count = std::min(kPiece, range.last - first);
        std::copy_n(order_.data() + first, piece.count, piece.ids());
        coordinates_.load(by, piece.ids(), 0, piece.count, piece.keys());
        body(piece, share);
        progress_.poll();
      }
    });
  }

  // How often each upper half occurs in the keys; where one is given, each lower half in keys that have it.
  Tally tally(const CellRange& range, std::int64_t by, const Key* upper) const {
    std::vector<Tally> shares(threads_, Tally(kHalf + 1));
    for_pieces(range, by, [&](Piece& piece, std::int64_t share) {
      for (std::int64_t i = 0; i < piece.count; ++i) {
        const Key key = piece.keys()[i], half = key >> kHalfBits;
        if (upper == nullptr) {
          ++shares[share][half];
        } else if (half == *upper) {
          ++shares[share][key & kHalf];
        }
      }
    });
    for (int share = 1; share < threads_; ++share) {
      for (Key i = 0; i <= kHalf; ++i) shares[0][i] += shares[share][i];
    }
    return std::move(shares[0]);
  }

  // The half with which as many keys as are wanted are reached; of these, those with this half are left in `wanted`.
  static Key reach(const Tally& tally, std::int64_t& wanted) {
    Key half = 0;
    for (; wanted > tally[half]; ++half) wanted -= tally[half];
    return half;
  }

  Pivot find_pivot(const CellRange& range, std::int64_t by, std::int64_t left) const {
    const Key upper = reach(tally(range, by, nullptr), left);
    const Key lower = reach(tally(range, by, &upper), left);
    return {upper << kHalfBits | lower, left};
  }

  // Where each piece's points go is known once all are counted.
  void move(const CellRange& range, std::int64_t by, std::int64_t left, const Pivot& pivot) {
    std::vector<Sifted> sifted(pieces_of(range));
    for_pieces(range, by, [&](Piece& piece, std::int64_t) {
      sifted[piece.number] = cutter_.sift(piece.keys(), piece.count, pivot.key, pivot.key, piece.ids());
    });
    const std::vector<std::int64_t> left_before = place_pieces(sifted, pivot);
    const auto place = [&](std::int64_t at) { return Columns{moved_.data() + range.first + at, 0, 1}; };
    for_pieces(range, by, [&](Piece& piece, std::int64_t) {
      const std::int64_t before = left_before[piece.number];
      cutter_.cut({piece.ids(), kPiece, 1}, piece.count, 1, {pivot.key, sifted[piece.number].at}, 0, place(before),
                  place(left + piece.number * kPiece - before));
    });
    const std::int64_t shares = threads_, n = range.size();
    parallel_for(shares, threads_, progress_, [&](std::int64_t share) {
      const std::int64_t first = range.first + n * share / shares, last = range.first + n * (share + 1) / shares;
      std::copy(moved_.data() + first, moved_.data() + last, order_.data() + first);
    });
  }

  const Cutter& cutter_ = best_cutter();
  const Coordinates& coordinates_;
  const std::int64_t block_;
  const SplitRule rule_;
  std::vector<PointId>& order_;
  AlignedArray<PointId> moved_;
  const int threads_;
  Progress& progress_;
};

}  // namespace

std::vector<CellRange> cut_roughly(const Coordinates& coordinates, std::int64_t block, SplitRule rule,
                                   std::int64_t most, std::vector<PointId>& order, int threads, Progress& progress) {
  RoughCut rough(coordinates, block, rule, order, threads, progress);
  std::vector<CellRange> large{{0, std::ssize(order), 0}}, small;
  while (!large.empty()) {
    const CellRange range = large.back();
    large.pop_back();
    if (range.size() <= most) {
      small.push_back(range);
      continue;
    }
    const auto [left, right] = rough.cut(range);
    large.push_back(right);
    large.push_back(left);
  }
  return small;
}

}  // namespace anear
