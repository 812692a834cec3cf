#include "index/pairwise.h"

#include <algorithm>
#include <string>

#include "base/memory.h"
#include "base/parallel.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kPointsBytes = 128 << 10;  // packed points of a task: they stay in the second-level cache
constexpr std::int64_t kQueries = 512;            // queries a task: what packing the points costs is shared by these

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

// Scratch of a task: one piece of the points against some queries.
template <class Real>
class Piece {
 public:
  Piece(const KernelTable& table, const double* parameters) : table_(table), parameters_(parameters) {}

  void pack(const Rows& points, std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    blocks_ = padded_blocks(table_, count);
    packed_.ensure(blocks_ * table_.point_block_bytes);
    prepare_blocks(table_, parameters_, points, first, blocks_, packed_.data(), nullptr, raw_);
  }

  void fill(const Rows& queries, std::int64_t first, std::int64_t count, const MatrixView& out, Progress& progress) {
    const bool tiles = table_.store != nullptr && (count > 2 || table_.store_one == nullptr);
    const std::int64_t tile = tiles ? table_.query_tile : 1;
    const std::int64_t padded = (count + tile - 1) / tile * tile;
    prepared_.prepare(table_, parameters_, queries, first, count, padded);
    const std::int64_t stride = blocks_ * table_.block;
    values_.ensure(tile * stride);
    const auto store = tiles ? table_.store : table_.store_one;
    for (std::int64_t q = 0; q < count; q += tile) {
      store(prepared_.query(q), packed_.data(), blocks_, parameters_, values_.data(), stride);
      for (std::int64_t i = 0; i < std::min(tile, count - q); ++i) {
        const std::int64_t at = (first + q + i) * out.stride + first_;
        if (out.data32) copy(values_.data() + i * stride, count_, out.data32 + at);
        if (out.data64) copy(values_.data() + i * stride, count_, out.data64 + at);
      }
      progress.poll();
    }
    progress.advance(count * count_);
  }

 private:
  const KernelTable& table_;
  const double* parameters_;
  std::int64_t first_ = 0, count_ = 0, blocks_ = 0;
  AlignedArray<std::byte> packed_;
  AlignedArray<double> raw_;
  AlignedArray<Real> values_;
  PreparedQueries prepared_;
};

template <class Real>
void run(const KernelTable& table, const double* parameters, const Rows& queries, const Rows& points,
         const MatrixView& out, int threads, Progress& progress) {
  const std::int64_t blocks = std::max<std::int64_t>(1, kPointsBytes / table.point_block_bytes);
  const std::int64_t step = block_step(table);
  const std::int64_t piece = (blocks + step - 1) / step * step * table.block;
  const std::int64_t point_pieces = (points.count + piece - 1) / piece;
  const std::int64_t query_pieces = (queries.count + kQueries - 1) / kQueries;
  progress.start(queries.count * points.count);
  parallel_for(point_pieces * query_pieces, threads, progress, [&](std::int64_t task) {
    const std::int64_t point = task % point_pieces * piece;
    const std::int64_t query = task / point_pieces * kQueries;
    Piece<Real> work(table, parameters);
    work.pack(points, point, std::min(piece, points.count - point));
    work.fill(queries, query, std::min(kQueries, queries.count - query), out, progress);
  });
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
