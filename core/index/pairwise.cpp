#include "index/pairwise.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kPointsBytes = 128 << 10;  // packed points of a task: they stay in the second-level cache
constexpr std::int64_t kQueries = 512;            // queries a task: what packing the points costs is shared by these
constexpr std::int64_t kPreparedBytes = 8 << 20;  // of queries prepared at a time

void check(const KernelTable& table, const Rows& queries, const Rows& points) {
  require(table.prepare_points && table.prepare_query && (table.store || table.store_one),
          "the table lacks 'prepare_points', 'prepare_query' or both of 'store' and 'store_one'");
  require(queries.columns == table.query_columns, "queries have " + std::to_string(queries.columns) +
                                                      " columns, the table expects " +
                                                      std::to_string(table.query_columns));
  require(points.columns == table.point_columns, "points have " + std::to_string(points.columns) +
                                                     " columns, the table expects " +
                                                     std::to_string(table.point_columns));
}

template <class From, class To>
void copy(const From* from, std::int64_t count, To* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <class Real>
Real* same_type(const MatrixView& out) {
  if constexpr (std::is_same_v<Real, float>) {
    return out.data32;
  } else {
    return out.data64;
  }
}

// Queries prepared together, that meet every piece of the points.
struct Group {
  PreparedQueries prepared;
  std::int64_t first = 0, count = 0;
};

// One piece of the points, packed. Scratch of a task.
template <class Real>
class Piece {
 public:
  void pack(const KernelTable& table, const double* parameters, const Rows& points, std::int64_t first,
            std::int64_t count) {
    first_ = first;
    count_ = count;
    blocks_ = padded_blocks(table, count);
    packed_.ensure(blocks_ * table.point_block_bytes);
    prepare_blocks(table, parameters, points, first, blocks_, packed_.data(), nullptr, raw_);
  }

  void fill(const KernelTable& table, const double* parameters, const Group& group, const MatrixView& out,
            Progress& progress) {
    const std::int64_t tile = tile_of(table, group.count);
    const auto store = tile > 1 || table.store_one == nullptr ? table.store : table.store_one;
    const std::int64_t width = blocks_ * table.block;
    values_.ensure(tile * width);
    for (std::int64_t q = 0; q < group.count; q += tile) {
      const std::int64_t used = std::min(tile, group.count - q);
      const std::int64_t at = (group.first + q) * out.stride + first_;
      Real* direct = same_type<Real>(out);
      if (direct != nullptr && used == tile && width == count_) {
        store(group.prepared.query(q), packed_.data(), blocks_, parameters, direct + at, out.stride);
      } else {
        store(group.prepared.query(q), packed_.data(), blocks_, parameters, values_.data(), width);
        for (std::int64_t i = 0; i < used; ++i) {
          if (out.data32) copy(values_.data() + i * width, count_, out.data32 + at + i * out.stride);
          if (out.data64) copy(values_.data() + i * width, count_, out.data64 + at + i * out.stride);
        }
      }
      progress.poll();
    }
    progress.advance(group.count * count_);
  }

  // Queries that one call of the store kernel takes.
  static std::int64_t tile_of(const KernelTable& table, std::int64_t queries) {
    return table.store != nullptr && (queries > 2 || table.store_one == nullptr) ? table.query_tile : 1;
  }

 private:
  std::int64_t first_ = 0, count_ = 0, blocks_ = 0;
  AlignedArray<std::byte> packed_;
  AlignedArray<double> raw_;
  AlignedArray<Real> values_;
};

template <class Real>
void run(const KernelTable& table, const double* parameters, const Rows& queries, const Rows& points,
         const MatrixView& out, int threads, Progress& progress) {
  const std::int64_t step = block_step(table);
  const std::int64_t piece =
      std::max<std::int64_t>(1, kPointsBytes / table.point_block_bytes / step) * step * table.block;
  const std::int64_t pieces = (points.count + piece - 1) / piece;
  const std::int64_t query_bytes = table.query_slots * table.arithmetic_bytes * kQueries;
  const std::int64_t most_groups = std::clamp<std::int64_t>(kPreparedBytes / query_bytes, 1, 64);
  std::vector<Group> groups(std::min(most_groups, (queries.count + kQueries - 1) / kQueries));
  Spares<Piece<Real>> spares;
  progress.start(queries.count * points.count);
  for (std::int64_t first = 0; first < queries.count; first += static_cast<std::int64_t>(groups.size()) * kQueries) {
    const std::int64_t left = (queries.count - first + kQueries - 1) / kQueries;
    const std::int64_t used = std::min(left, static_cast<std::int64_t>(groups.size()));
    parallel_for(used, threads, progress, [&](std::int64_t i) {
      Group& group = groups[i];
      group.first = first + i * kQueries;
      group.count = std::min(kQueries, queries.count - group.first);
      const std::int64_t tile = Piece<Real>::tile_of(table, group.count);
      group.prepared.prepare(table, parameters, queries, group.first, group.count,
                             (group.count + tile - 1) / tile * tile);
    });
    parallel_for(pieces * used, threads, progress, [&](std::int64_t task) {
      const std::int64_t point = task / used * piece;
      auto work = spares.take();
      work->pack(table, parameters, points, point, std::min(piece, points.count - point));
      work->fill(table, parameters, groups[task % used], out, progress);
      spares.give(std::move(work));
    });
  }
}

}  // namespace

void pairwise(const KernelTable& table, const double* parameters, const Rows& queries, const Rows& points,
              const MatrixView& out, int threads, Progress& progress) {
  check(table, queries, points);
  if (queries.count == 0 || points.count == 0) return;
  if (table.arithmetic_bytes == 4) return run<float>(table, parameters, queries, points, out, threads, progress);
  run<double>(table, parameters, queries, points, out, threads, progress);
}

}  // namespace anear
