#include "parts/partition.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"
#include "parts/cut.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskPoints = 16 << 10;  // fewer are not worth a task of their own
constexpr std::int64_t kSpread = 2048;          // of more, an eighth as many show where they reach furthest
constexpr std::int64_t kTogether = 64 << 10;    // so many are cut by all threads at once
constexpr std::int64_t kPiece = 16 << 10;       // points that a thread takes of these at a time
constexpr std::int64_t kLoaded = 256;           // rows turned to columns at a time: they stay in the first cache
constexpr std::int64_t kMostColumns = 32;
constexpr Key kSign = 0x80000000u;

Key sortable(float value) {
  const auto bits = std::bit_cast<Key>(value + 0.0f);  // -0 becomes 0: they are equal
  return bits & kSign ? ~bits : bits | kSign;
}

float from_sortable(Key bits) { return std::bit_cast<float>(bits & kSign ? bits ^ kSign : ~bits); }

// Points travel with their coordinates, a column each and the ids the last: every pass over a range then reads and
// writes memory in order. In float32 whatever the points are: two that it does not tell apart may end up on the wrong
// sides of a cut, which costs nothing, for cells need not be exact halves of space. Ids ascend within every range, since
// a cut leaves in order what it puts on one side: so those of equal coordinates decide.
class Partition {
 public:
  Partition(const Rows& rows, std::vector<std::int32_t> columns, std::int64_t block, SplitRule rule)
      : rows_(rows),
        columns_(std::move(columns)),
        block_(block),
        rule_(rule),
        coordinates_(std::ssize(columns_)),
        order_(rows.count) {
    // an odd number of cache lines apart: columns do not crowd the same places of a cache
    const std::int64_t lines = (rows.count + kLine - 1) / kLine, stride = (lines | 1) * kLine, count = coordinates_ + 1;
    memory_.ensure(2 * count * stride);
    points_ = {memory_.data(), stride, count};
    scratch_ = {memory_.data() + count * stride, stride, count};
  }

  std::vector<std::int32_t> run(int threads, Progress& progress) {
    progress.start(2 * rows_.count);
    with_storage_type(rows_.storage, [&](auto* type) {
      parallel_for((rows_.count + kPiece - 1) / kPiece, threads, progress, [&](std::int64_t piece) {
        const std::int64_t last = std::min((piece + 1) * kPiece, rows_.count);
        for (std::int64_t first = piece * kPiece; first < last; first += kLoaded) {
          load(type, first, std::min(first + kLoaded, last));
        }
        progress.advance(kPiece);
      });
    });
    const std::vector<Cell> cells = cut_together(threads, progress);
    fork_join(threads, progress, [&](Tasks& tasks) {
      for (const Cell& cell : cells) {
        tasks.spawn([this, &progress, cell](Tasks& more) { divide(more, progress, cell); });
      }
    });
    return std::move(order_);
  }

 private:
  static constexpr std::int64_t kLine = 16;  // keys in a cache line

  struct Range {
    std::int64_t first, last;
    int depth;
    std::int64_t size() const { return last - first; }
  };

  // The points of a range lie in from.at(range.first); the same place of `to` is free.
  struct Cell {
    Columns from, to;
    Range range;

    Key* column(std::int64_t j) const { return from.column(j) + range.first; }
    // Once cut, what lay in `from` lies in `to`.
    Cell left(std::int64_t size) const { return {to, from, {range.first, range.first + size, range.depth + 1}}; }
    Cell right(std::int64_t size) const { return {to, from, {range.first + size, range.last, range.depth + 1}}; }
  };

  template <class Stored>
  void load(const Stored*, std::int64_t first, std::int64_t last) {
    for (std::int64_t j = 0; j < coordinates_; ++j) {
      Key* const column = points_.column(j);
      const auto* value = reinterpret_cast<const Stored*>(rows_.row(first)) + columns_[j];
      for (std::int64_t i = first; i < last; ++i, value += rows_.columns) {
        const auto single = static_cast<float>(widened(*value));
        column[i] = sortable(single == single ? single : std::numeric_limits<float>::infinity());
      }
    }
    Key* const ids = points_.column(coordinates_);
    for (std::int64_t i = first; i < last; ++i) ids[i] = static_cast<Key>(i);
  }

  std::int64_t left_of(Range range) const { return left_blocks((range.size() + block_ - 1) / block_, block_) * block_; }

  std::int64_t column_of(const Cell& cell) const {
    if (rule_ == SplitRule::round_robin) return cell.range.depth % coordinates_;
    return coordinates_ == 1 ? 0 : widest(cell);
  }

  // The coordinate in which a range reaches furthest; of many points, a sample says so.
  std::int64_t widest(const Cell& cell) const {
    constexpr std::int64_t kSample = kSpread / 8;
    std::array<Key, kMostColumns + 3> low, high;
    std::array<Key, kMostColumns * kSample> sample;
    Columns points = cell.from.at(cell.range.first);
    std::int64_t n = cell.range.size();
    if (n > kSpread) {
      const std::int64_t step = n / kSample;
      for (std::int64_t j = 0; j < coordinates_; ++j) {
        for (std::int64_t i = 0; i < kSample; ++i) sample[j * kSample + i] = points.column(j)[i * step];
      }
      points = {sample.data(), kSample, coordinates_};
      n = kSample;
    }
    cutter_.reach(points, n, coordinates_, low.data(), high.data());
    std::int64_t best = 0;
    float most = -1;
    for (std::int64_t j = 0; j < coordinates_; ++j) {
      const float width = from_sortable(high[j]) - from_sortable(low[j]);
      if (width > most) best = j, most = width;
    }
    return best;
  }

  // Cuts ranges that would keep all but one thread waiting, each with all threads; returns the ranges left. The pieces in
  // which threads work do not depend on their number.
  std::vector<Cell> cut_together(int threads, Progress& progress) {
    std::vector<Cell> large{{points_, scratch_, {0, rows_.count, 0}}}, small;
    while (!large.empty()) {
      const Cell cell = large.back();
      large.pop_back();
      if (cell.range.size() < kTogether) {
        small.push_back(cell);
        continue;
      }
      const std::int64_t left = left_of(cell.range);
      cut_pieces(cell, left, column_of(cell), threads, progress);
      large.push_back(cell.left(left));
      large.push_back(cell.right(left));
    }
    return small;
  }

  // As `cut`, in pieces: each counts what goes where, and then moves it to its own places.
  void cut_pieces(const Cell& cell, std::int64_t left, std::int64_t by, int threads, Progress& progress) const {
    const std::int64_t n = cell.range.size(), pieces = (n + kPiece - 1) / kPiece;
    std::vector<Sifted> sifted(pieces);
    Pivot pivot = find_in_pieces(cell, left, by, sifted, threads, progress);
    sift_pieces(cell, by, {pivot.key, pivot.key}, sifted, threads, progress);
    std::vector<std::int64_t> places(pieces);
    std::int64_t place = 0;
    for (std::int64_t i = 0; i < pieces; ++i) {
      sifted[i].at = std::min(pivot.equal, sifted[i].at);
      pivot.equal -= sifted[i].at;
      places[i] = std::exchange(place, place + sifted[i].below + sifted[i].at);
    }
    const Columns from = cell.from.at(cell.range.first), to = cell.to.at(cell.range.first);
    parallel_for(pieces, threads, progress, [&](std::int64_t i) {
      const std::int64_t first = i * kPiece, count = std::min(kPiece, n - first);
      cutter_.cut(from.at(first), count, by, {pivot.key, sifted[i].at}, 0, to.at(places[i]),
                  to.at(left + first - places[i]));
    });
  }

  // Keys are sifted to the same places in the first free column. Returns the sum of all pieces.
  Sifted sift_pieces(const Cell& cell, std::int64_t by, Bracket bracket, std::vector<Sifted>& sifted, int threads,
                     Progress& progress) const {
    const Key* const keys = cell.column(by);
    Key* const free = cell.to.column(0) + cell.range.first;
    parallel_for(std::ssize(sifted), threads, progress, [&](std::int64_t i) {
      const std::int64_t first = i * kPiece, count = std::min(kPiece, cell.range.size() - first);
      sifted[i] = cutter_.sift(keys + first, count, bracket.low, bracket.high, free + first);
    });
    Sifted all{};
    for (const Sifted& piece : sifted) {
      all = {all.below + piece.below, all.at + piece.at, all.between + piece.between};
    }
    return all;
  }

  Pivot find_in_pieces(const Cell& cell, std::int64_t left, std::int64_t by, std::vector<Sifted>& sifted, int threads,
                       Progress& progress) const {
    Bracket bracket = enclose(cutter_, cell.column(by), cell.range.size(), left - 1);
    for (;;) {
      const Sifted all = sift_pieces(cell, by, bracket, sifted, threads, progress);
      const std::int64_t above_low = left - all.below - all.at;
      if (left <= all.below) {  // the sample was wrong
        bracket = {0, bracket.low - 1};
      } else if (above_low <= 0) {
        return {bracket.low, left - all.below};
      } else if (above_low > all.between) {
        bracket = {bracket.high, std::numeric_limits<Key>::max()};
      } else {
        Key* const found = cell.to.column(0) + cell.range.first;
        std::int64_t end = 0;
        for (std::int64_t i = 0; i < std::ssize(sifted); ++i) {
          std::copy_n(found + i * kPiece, sifted[i].between, found + end);
          end += sifted[i].between;
        }
        Key* const scratch[]{cell.to.column(1) + cell.range.first, found};
        return find_pivot(cutter_, found, end, above_low, scratch);
      }
    }
  }

  void divide(Tasks& tasks, Progress& progress, Cell cell) {
    while (cell.range.size() > block_) {
      const std::int64_t left = left_of(cell.range);
      cut(cell, left, column_of(cell));
      const Cell first = cell.left(left);
      cell = cell.right(left);
      if (first.range.size() >= kTaskPoints) {
        tasks.spawn([this, &progress, first](Tasks& more) { divide(more, progress, first); });
      } else {
        divide(tasks, progress, first);
      }
    }
    const Key* const ids = cell.column(coordinates_);
    for (std::int64_t i = 0; i < cell.range.size(); ++i)
      order_[cell.range.first + i] = static_cast<std::int32_t>(ids[i]);
    progress.advance(cell.range.size());
  }

  void cut(const Cell& cell, std::int64_t left, std::int64_t by) const {
    const Columns from = cell.from.at(cell.range.first), to = cell.to.at(cell.range.first);
    const std::int64_t n = cell.range.size();
    Key* const scratch[]{to.column(0), to.column(1)};
    const Pivot pivot = find_pivot(cutter_, from.column(by), n, left, scratch);
    cutter_.cut(from, n, by, pivot, n <= 2 * block_ ? coordinates_ : 0, to, to.at(left));
  }

  const Cutter& cutter_ = best_cutter();
  const Rows& rows_;
  const std::vector<std::int32_t> columns_;
  const std::int64_t block_;
  const SplitRule rule_;
  const std::int64_t coordinates_;
  AlignedArray<Key> memory_;
  Columns points_, scratch_;
  std::vector<std::int32_t> order_;
};

// The columns to cut: all, or those that extend furthest.
std::vector<std::int32_t> choose_columns(const Rows& rows) {
  std::vector<std::int32_t> columns(rows.columns);
  std::iota(columns.begin(), columns.end(), 0);
  if (rows.columns <= kMostColumns) return columns;
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
  columns.resize(kMostColumns);
  return columns;
}

}  // namespace

std::int64_t left_blocks(std::int64_t blocks, std::int64_t fanout) {
  std::int64_t unit = 1;
  while (unit * fanout < blocks) unit *= fanout;
  return std::max<std::int64_t>((blocks + unit) / (2 * unit), 1) * unit;
}

std::vector<std::int32_t> cell_order(const Rows& coordinates, std::int64_t block, SplitRule rule, int threads,
                                     Progress& progress) {
  return Partition(coordinates, choose_columns(coordinates), block, rule).run(threads, progress);
}

}  // namespace anear
