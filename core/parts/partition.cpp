#include "parts/partition.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "base/memory.h"
#include "base/parallel.h"
#include "parts/coordinates.h"
#include "parts/cut.h"
#include "parts/rough_cut.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskPoints = 8 << 10;  // fewer are not worth a task of their own
constexpr std::int64_t kTogether = 32 << 10;   // so many are cut by all threads at once
constexpr std::int64_t kPiece = 8 << 10;       // points that a thread takes of these at a time
constexpr std::int64_t kLoaded = 256;          // rows turned to columns at a time: they stay in the first cache

// Points travel with their coordinates, a column each and the ids the last: every pass over a range then reads and
// writes memory in order. In float32 whatever the points are: two that it does not tell apart may end up on the wrong
// sides of a cut, which costs nothing, for cells need not be exact halves of space. Ids ascend within every range, since
// a cut leaves in order what it puts on one side: so those of equal coordinates decide.
class Partition {
 public:
  // `order`: room for the ids of `count` points that so many cuts have cut out.
  Partition(const Coordinates& coordinates, std::int64_t block, SplitRule rule, std::int64_t count, int depth,
            PointId* order)
      : coordinates_(coordinates), block_(block), rule_(rule), count_(count), depth_(depth), order_(order) {
    // an odd number of cache lines apart: columns do not crowd the same places of a cache
    const std::int64_t lines = (count + kLine - 1) / kLine, stride = (lines | 1) * kLine, columns = ids_column() + 1;
    memory_.ensure(2 * columns * stride);
    points_ = {memory_.data(), stride, columns};
    scratch_ = {memory_.data() + columns * stride, stride, columns};
  }

  // Cuts the points whose ids `order` holds, ascending, or, where `all`, every point.
  void run(bool all, int threads, Progress& progress) {
    parallel_for((count_ + kPiece - 1) / kPiece, threads, progress, [&](std::int64_t piece) {
      const std::int64_t last = std::min((piece + 1) * kPiece, count_);
      for (std::int64_t first = piece * kPiece; first < last; first += kLoaded) {
        load(all, first, std::min(kLoaded, last - first));
      }
      progress.advance(kPiece);
    });
    const std::vector<Cell> cells = cut_together(threads, progress);
    fork_join(threads, progress, [&](Tasks& tasks) {
      for (const Cell& cell : cells) {
        tasks.spawn([this, &progress, cell](Tasks& more) { divide(more, progress, cell); });
      }
    });
  }

 private:
  static constexpr std::int64_t kLine = 16;  // keys in a cache line

  // The points of a range lie in from.at(range.first); the same place of `to` is free.
  struct Cell {
    Columns from, to;
    CellRange range;

    Key* column(std::int64_t j) const { return from.column(j) + range.first; }
    // Once cut, what lay in `from` lies in `to`.
    Cell left(std::int64_t size) const { return {to, from, {range.first, range.first + size, range.depth + 1}}; }
    Cell right(std::int64_t size) const { return {to, from, {range.first + size, range.last, range.depth + 1}}; }
  };

  std::int64_t ids_column() const { return coordinates_.count(); }

  void load(bool all, std::int64_t first, std::int64_t count) {
    const PointId* const ids = all ? nullptr : order_ + first;
    for (std::int64_t j = 0; j < ids_column(); ++j) {
      coordinates_.load(j, ids, first, count, points_.column(j) + first);
    }
    Key* const column = points_.column(ids_column()) + first;
    for (std::int64_t i = 0; i < count; ++i) column[i] = all ? static_cast<Key>(first + i) : ids[i];
  }

  std::int64_t column_of(const Cell& cell) const {
    if (rule_ == SplitRule::round_robin) return cell.range.depth % coordinates_.count();
    Columns points = cell.from.at(cell.range.first);
    points.count = coordinates_.count();
    const std::int64_t n = cell.range.size();
    if (points.count == 1) return 0;
    if (n <= kAllLookedAt) return widest(cutter_, points, n);
    SampleKeys sample;
    for (std::int64_t j = 0; j < points.count; ++j) {
      for (std::int64_t i = 0; i < kSample; ++i) sample[j * kSample + i] = points.column(j)[i * (n / kSample)];
    }
    return widest(cutter_, {sample.data(), kSample, points.count}, kSample);
  }

  // A range that all threads cut: its pieces are sifted until the pivot is found, counted, and moved.
  struct Large {
    Cell cell;
    std::int64_t left;    // points left of the cut
    std::int64_t by = 0;  // column
    Bracket bracket{};    // of keys that pieces are sifted for
    Pivot pivot{};        // once `found`
    bool found = false;
    std::vector<Sifted> sifted{};             // piece by piece
    std::vector<std::int64_t> left_before{};  // points left of the cut in the pieces before
  };
  struct Piece {
    Large* large;
    std::int64_t number;

    std::int64_t first() const { return number * kPiece; }
    std::int64_t size() const { return std::min(kPiece, large->cell.range.size() - first()); }
  };

  // Cuts ranges that would keep all but one thread waiting, each with all threads, and those of a level together: for
  // each step of a cut, threads wait for one another. Returns the ranges left.
  std::vector<Cell> cut_together(int threads, Progress& progress) {
    const std::int64_t large = std::max(kTogether, count_ / (4 * threads));
    std::vector<Cell> level{{points_, scratch_, {0, count_, depth_}}}, small;
    while (!level.empty()) {
      std::vector<Large> cuts;
      for (const Cell& cell : level) {
        if (cell.range.size() < large) {
          small.push_back(cell);
        } else {
          cuts.push_back({cell, cell.range.left(block_)});
        }
      }
      cut_level(cuts, threads, progress);
      level.clear();
      for (const Large& cut : cuts) {
        level.push_back(cut.cell.left(cut.left));
        level.push_back(cut.cell.right(cut.left));
      }
    }
    return small;
  }

  void cut_level(std::vector<Large>& cuts, int threads, Progress& progress) const {
    const auto for_all = [&](auto& of, const auto& body) {
      parallel_for(std::ssize(of), threads, progress, [&](std::int64_t i) { body(of[i]); });
    };
    for_all(cuts, [&](Large& cut) {
      cut.by = column_of(cut.cell);
      cut.bracket = enclose(cutter_, cut.cell.column(cut.by), cut.cell.range.size(), cut.left - 1);
      cut.sifted.resize((cut.cell.range.size() + kPiece - 1) / kPiece);
    });
    const auto pieces_of = [&](bool found) {
      std::vector<Piece> pieces;
      for (Large& cut : cuts) {
        for (std::int64_t i = 0; cut.found == found && i < std::ssize(cut.sifted); ++i) pieces.push_back({&cut, i});
      }
      return pieces;
    };
    const auto sift = [&](const Piece& piece) { sift_piece(piece); };
    for (auto pieces = pieces_of(false); !pieces.empty(); pieces = pieces_of(false)) {
      for_all(pieces, sift);
      for_all(cuts, [&](Large& cut) { narrow(cut); });
    }
    auto pieces = pieces_of(true);
    for_all(pieces, sift);
    for (Large& cut : cuts) cut.left_before = place_pieces(cut.sifted, cut.pivot);
    for_all(pieces, [&](const Piece& piece) { move_piece(piece); });
  }

  // Keys are sifted to the same place of the first free column.
  void sift_piece(const Piece& piece) const {
    Large& cut = *piece.large;
    Key* const free = cut.cell.to.column(0) + cut.cell.range.first;
    cut.sifted[piece.number] = cutter_.sift(cut.cell.column(cut.by) + piece.first(), piece.size(), cut.bracket.low,
                                            cut.bracket.high, free + piece.first());
  }

  // Finds the pivot among what was sifted, or says what to sift next. Once it is found, its equals are counted.
  void narrow(Large& cut) const {
    if (cut.found) return;
    Sifted all{};
    for (const Sifted& piece : cut.sifted) {
      all = {all.below + piece.below, all.at + piece.at, all.between + piece.between};
    }
    const std::int64_t above_low = cut.left - all.below - all.at;
    if (cut.left <= all.below) {  // the sample was wrong
      cut.bracket = {0, cut.bracket.low - 1};
    } else if (above_low > all.between) {
      cut.bracket = {cut.bracket.high, std::numeric_limits<Key>::max()};
    } else {
      cut.pivot = above_low > 0 ? find_sifted(cut, above_low) : Pivot{cut.bracket.low, cut.left - all.below};
      cut.bracket = {cut.pivot.key, cut.pivot.key};
      cut.found = true;
    }
  }

  Pivot find_sifted(const Large& cut, std::int64_t left) const {
    Key* const sifted = cut.cell.to.column(0) + cut.cell.range.first;
    std::int64_t end = 0;
    for (std::int64_t i = 0; i < std::ssize(cut.sifted); ++i) {
      std::copy_n(sifted + i * kPiece, cut.sifted[i].between, sifted + end);
      end += cut.sifted[i].between;
    }
    Key* const scratch[]{cut.cell.to.column(1) + cut.cell.range.first, sifted};
    return find_pivot(cutter_, sifted, end, left, scratch);
  }

  void move_piece(const Piece& piece) const {
    const Large& cut = *piece.large;
    const std::int64_t first = cut.cell.range.first, before = cut.left_before[piece.number];
    const Pivot pivot{cut.pivot.key, cut.sifted[piece.number].at};
    cutter_.cut(cut.cell.from.at(first + piece.first()), piece.size(), cut.by, pivot, 0, cut.cell.to.at(first + before),
                cut.cell.to.at(first + cut.left + piece.first() - before));
  }

  void divide(Tasks& tasks, Progress& progress, Cell cell) {
    while (cell.range.size() > block_) {
      const std::int64_t left = cell.range.left(block_);
      cut(cell, left, column_of(cell));
      const Cell first = cell.left(left);
      cell = cell.right(left);
      if (first.range.size() >= kTaskPoints) {
        tasks.spawn([this, &progress, first](Tasks& more) { divide(more, progress, first); });
      } else {
        divide(tasks, progress, first);
      }
    }
    const Key* const ids = cell.column(ids_column());
    for (std::int64_t i = 0; i < cell.range.size(); ++i) order_[cell.range.first + i] = static_cast<PointId>(ids[i]);
    progress.advance(cell.range.size());
  }

  void cut(const Cell& cell, std::int64_t left, std::int64_t by) const {
    const Columns from = cell.from.at(cell.range.first), to = cell.to.at(cell.range.first);
    const std::int64_t n = cell.range.size();
    Key* const scratch[]{to.column(0), to.column(1)};
    const Pivot pivot = find_pivot(cutter_, from.column(by), n, left, scratch);
    cutter_.cut(from, n, by, pivot, n <= 2 * block_ ? ids_column() : 0, to, to.at(left));
  }

  const Cutter& cutter_ = best_cutter();
  const Coordinates& coordinates_;
  const std::int64_t block_;
  const SplitRule rule_;
  const std::int64_t count_;
  const int depth_;
  PointId* const order_;
  AlignedArray<Key> memory_;
  Columns points_, scratch_;
};

}  // namespace

std::int64_t left_blocks(std::int64_t blocks, std::int64_t fanout) {
  std::int64_t unit = 1;
  while (unit * fanout < blocks) unit *= fanout;
  return std::max<std::int64_t>((blocks + unit) / (2 * unit), 1) * unit;
}

std::vector<PointId> cell_order(const Rows& rows, std::int64_t block, SplitRule rule, int threads, Progress& progress,
                                std::int64_t memory) {
  const Coordinates coordinates(rows);
  std::vector<PointId> order(rows.count);
  const auto cut = [&](const CellRange& range, bool all) {
    Partition(coordinates, block, rule, range.size(), range.depth, order.data() + range.first)
        .run(all, threads, progress);
  };
  const std::int64_t column_bytes = 2 * (coordinates.count() + 1) * static_cast<std::int64_t>(sizeof(Key));
  const std::int64_t most = std::max(memory / column_bytes, kAllLookedAt);
  if (rows.count <= most) {
    progress.start(2 * rows.count);
    cut({0, rows.count, 0}, true);
    return order;
  }
  const auto levels = static_cast<std::int64_t>(std::bit_width(static_cast<std::uint64_t>(rows.count / most)));
  progress.start((levels + 2) * rows.count);
  std::iota(order.begin(), order.end(), 0);
  for (const CellRange& range : cut_roughly(coordinates, block, rule, most, order, threads, progress))
    cut(range, false);
  return order;
}

}  // namespace anear
