#include "parts/partition.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"
#include "result/select.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskPoints = 16 << 10;  // fewer are not worth a task of their own
constexpr std::int64_t kSampled = 2048;       // from so many points on, a sample finds where the median is to be sought
constexpr std::int64_t kSpread = 512;         // of more, half as many show where they reach furthest
constexpr std::int64_t kTogether = 64 << 10;  // so many are cut by all threads at once
constexpr std::int64_t kPiece = 16 << 10;     // records that a thread takes of these at a time
constexpr std::int64_t kMostColumns = 32;

// A point that travels with its coordinates: every pass over a range then reads and writes memory in order. In float32
// whatever the points are: two that it does not tell apart may end up on the wrong sides of a cut, which costs nothing,
// for cells need not be exact halves of space. As integers that compare as the floats do: with the id behind it, a
// coordinate makes one number without equals.
template <int Columns>
struct Record {
  std::array<std::uint32_t, Columns> at;
  std::uint32_t id;

  std::uint64_t key(int column) const { return std::uint64_t{at[column]} << 32 | id; }
};

constexpr std::uint32_t kSign = 0x80000000u;

std::uint32_t sortable(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);  // -0 becomes 0: they are equal
  return bits & kSign ? ~bits : bits | kSign;
}

float from_sortable(std::uint32_t bits) { return std::bit_cast<float>(bits & kSign ? bits ^ kSign : ~bits); }

// Orders records by one coordinate.
template <class Record>
struct Less {
  int column;
  bool operator()(const Record& a, const Record& b) const { return a.key(column) < b.key(column); }
};

// The coordinate in which n records reach furthest; of many, a sample says so.
template <class Point>
int widest(const Point* points, std::int64_t n) {
  const std::int64_t step = n <= kSpread ? 1 : n / (kSpread / 2);
  auto low = points->at, high = points->at;
  for (std::int64_t i = step; i < n; i += step) {
    for (std::size_t j = 0; j < low.size(); ++j) {
      low[j] = std::min(low[j], points[i].at[j]);
      high[j] = std::max(high[j], points[i].at[j]);
    }
  }
  int best = 0;
  float most = -1;
  for (std::size_t j = 0; j < low.size(); ++j) {
    const float width = from_sortable(high[j]) - from_sortable(low[j]);
    if (width > most) best = static_cast<int>(j), most = width;
  }
  return best;
}

template <int Columns>
class Partition {
 public:
  using Point = Record<Columns>;

  Partition(const Rows& rows, const std::vector<std::int32_t>& columns, std::int64_t block, SplitRule rule)
      : rows_(rows),
        columns_(columns),
        block_(block),
        rule_(rule),
        points_(rows.count),
        scratch_(rows.count),
        order_(rows.count) {}

  std::vector<std::int32_t> run(int threads, Progress& progress) {
    progress.start(2 * rows_.count);
    with_storage_type(rows_.storage, [&](auto* type) {
      parallel_for((rows_.count + kPiece - 1) / kPiece, threads, progress, [&](std::int64_t piece) {
        load(type, piece * kPiece, std::min((piece + 1) * kPiece, rows_.count));
        progress.advance(kPiece);
      });
    });
    const std::vector<Cell> cells = cut_together(threads, progress);
    fork_join(threads, progress, [&](Tasks& tasks) {
      for (const Cell& cell : cells) {
        tasks.spawn([this, &progress, cell](Tasks& more) { divide(more, progress, cell.from, cell.to, cell.range); });
      }
    });
    return std::move(order_);
  }

 private:
  struct Range {
    std::int64_t first, last;
    int depth;
    std::int64_t size() const { return last - first; }
  };

  // The records of a range lie in from[range]; to[range] is free.
  struct Cell {
    Point *from, *to;
    Range range;
  };

  template <class Stored>
  void load(const Stored*, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const auto* row = reinterpret_cast<const Stored*>(rows_.row(i));
      Point& point = points_[i];
      point.id = static_cast<std::uint32_t>(i);
      point.at.fill(sortable(0));
      for (std::size_t j = 0; j < columns_.size(); ++j) {
        const auto value = static_cast<float>(widened(row[columns_[j]]));
        point.at[j] = sortable(value == value ? value : std::numeric_limits<float>::infinity());
      }
    }
  }

  int column_of(Range range, const Point* points) const {
    return rule_ == SplitRule::round_robin ? range.depth % static_cast<int>(columns_.size())
                                           : widest(points, range.size());
  }
  std::int64_t left_of(Range range) const { return left_blocks((range.size() + block_ - 1) / block_, block_) * block_; }

  // Cuts ranges that would keep all but one thread waiting, each with all threads; returns the ranges left. The pieces in
  // which threads work do not depend on their number.
  std::vector<Cell> cut_together(int threads, Progress& progress) {
    std::vector<Cell> large{{points_.data(), scratch_.data(), {0, rows_.count, 0}}}, small;
    while (!large.empty()) {
      const Cell cell = large.back();
      large.pop_back();
      if (cell.range.size() < kTogether) {
        small.push_back(cell);
        continue;
      }
      const Range range = cell.range;
      const std::int64_t left = left_of(range);
      Point *from = cell.from + range.first, *to = cell.to + range.first;
      const int column = column_of(range, from);
      cut_pieces(from, to, range.size(), left, Less<Point>{column}, threads, progress);
      large.push_back({cell.to, cell.from, {range.first, range.first + left, range.depth + 1}});
      large.push_back({cell.to, cell.from, {range.first + left, range.last, range.depth + 1}});
    }
    return small;
  }

  // As `cut`, in pieces: each counts what goes where, and then writes it to its own places.
  static void cut_pieces(const Point* from, Point* to, std::int64_t n, std::int64_t left, Less<Point> less, int threads,
                         Progress& progress) {
    const auto [first, last] = enclose(from, n, left, less);
    const std::uint64_t low = first.key(less.column), high = last.key(less.column);
    const auto part = [&](const Point& point) {
      const std::uint64_t key = point.key(less.column);
      return static_cast<int>(key >= low) + static_cast<int>(key >= high);
    };
    const std::int64_t pieces = (n + kPiece - 1) / kPiece;
    std::vector<std::array<std::int64_t, 3>> places(pieces);
    parallel_for(pieces, threads, progress, [&](std::int64_t piece) {
      std::array<std::int64_t, 3> counts{};
      for (std::int64_t i = piece * kPiece; i < std::min((piece + 1) * kPiece, n); ++i) ++counts[part(from[i])];
      places[piece] = counts;
    });
    std::array<std::int64_t, 3> sizes{};
    std::int64_t place = 0;
    for (int which = 0; which < 3; ++which) {
      for (auto& of_piece : places) {
        sizes[which] += of_piece[which];
        place += std::exchange(of_piece[which], place);
      }
    }
    parallel_for(pieces, threads, progress, [&](std::int64_t piece) {
      auto next = places[piece];
      for (std::int64_t i = piece * kPiece; i < std::min((piece + 1) * kPiece, n); ++i)
        to[next[part(from[i])]++] = from[i];
    });
    settle(to, sizes[0], sizes[1], sizes[2], left, less);
  }

  // Halves change places between `from` and `to` as they are cut.
  void divide(Tasks& tasks, Progress& progress, Point* from, Point* to, Range range) {
    while (range.size() > block_) {
      const int column = column_of(range, from + range.first);
      const std::int64_t left = left_of(range);
      if (cut(from + range.first, to + range.first, range.size(), left, Less<Point>{column})) std::swap(from, to);
      const Range first{range.first, range.first + left, range.depth + 1};
      range = {range.first + left, range.last, range.depth + 1};
      if (first.size() >= kTaskPoints) {
        tasks.spawn([this, &progress, from, to, first](Tasks& more) { divide(more, progress, from, to, first); });
      } else {
        divide(tasks, progress, from, to, first);
      }
    }
    for (std::int64_t i = range.first; i < range.last; ++i) order_[i] = static_cast<std::int32_t>(from[i].id);
    progress.advance(range.size());
  }

  // Brings the `left` smallest of n records to the front. True: they lie in `to` now, false: still in `from`.
  static bool cut(Point* from, Point* to, std::int64_t n, std::int64_t left, Less<Point> less) {
    if (n < kSampled) {
      select_smallest(from, n, left, less);
      return false;
    }
    const auto [first, last] = enclose(from, n, left, less);
    const std::uint64_t low = first.key(less.column), high = last.key(less.column);
    // One pass without branches: each record is written to three places, and only where it belongs does the place move
    // on. `from` is overwritten behind the reader; the two ends of `to` never meet before the last record.
    std::int64_t below = 0, between = 0, above = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const Point point = from[i];
      const std::uint64_t key = point.key(less.column);
      const bool is_below = key < low, is_above = key >= high;
      from[between] = point;
      to[below] = point;
      to[n - 1 - above] = point;
      below += is_below;
      above += is_above;
      between += !(is_below | is_above);
    }
    std::copy_n(from, between, to + below);
    settle(to, below, between, above, left, less);
    return true;
  }

  // Of records below, between and above two pivots, brings the `left` smallest to the front.
  static void settle(Point* to, std::int64_t below, std::int64_t between, std::int64_t above, std::int64_t left,
                     Less<Point> less) {
    if (left <= below) {
      select_smallest(to, below, left, less);
    } else if (left <= below + between) {
      select_smallest(to + below, between, left - below, less);
    } else {
      select_smallest(to + below + between, above, left - below - between, less);
    }
  }

  // Two records that the one of rank `left` most likely lies between (Floyd and Rivest, 1975).
  static std::pair<Point, Point> enclose(const Point* from, std::int64_t n, std::int64_t left, Less<Point> less) {
    constexpr std::int64_t kMost = 1024;
    std::array<Point, kMost> sample;
    const std::int64_t size =
        std::min(kMost, std::int64_t{64} << (std::bit_width(static_cast<std::uint64_t>(n / kSampled)) / 2));
    const std::int64_t step = n / size;
    for (std::int64_t i = 0; i < size; ++i) sample[i] = from[i * step + (i * 7919) % step];
    const auto reach = static_cast<std::int64_t>(1.3 * std::sqrt(static_cast<double>(size)));
    const std::int64_t rank = left * size / n;
    const auto low = std::max<std::int64_t>(rank - reach, 0), high = std::min(rank + reach, size - 1);
    select_smallest(sample.data(), size, high + 1, less);
    select_smallest(sample.data(), high + 1, low + 1, less);
    return {sample[low], sample[high]};
  }

  const Rows& rows_;
  const std::vector<std::int32_t>& columns_;
  const std::int64_t block_;
  const SplitRule rule_;
  AlignedArray<Point> points_, scratch_;
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
  const auto columns = choose_columns(coordinates);
  const auto run = [&]<int Columns>() {
    return Partition<Columns>(coordinates, columns, block, rule).run(threads, progress);
  };
  const std::size_t count = columns.size();
  if (count <= 1) return run.template operator()<1>();
  if (count <= 2) return run.template operator()<2>();
  if (count <= 3) return run.template operator()<3>();
  if (count <= 4) return run.template operator()<4>();
  if (count <= 7) return run.template operator()<7>();
  if (count <= 11) return run.template operator()<11>();
  if (count <= 16) return run.template operator()<16>();
  return run.template operator()<kMostColumns>();
}

}  // namespace anear
