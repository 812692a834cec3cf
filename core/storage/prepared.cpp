#include "storage/prepared.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "base/parallel.h"
#include "base/spares.h"
#include "storage/transpose.h"

namespace anear {
namespace {

// Raw blocks are transposed and prepared in pieces of about this size: they stay in the first-level cache.
constexpr std::int64_t kPieceBytes = 16 << 10;
// Blocks a parallel task prepares, at least; small enough to balance, large enough to be worth a task.
constexpr std::int64_t kTaskBytes = 256 << 10;
// Rows that lie anywhere are fetched in pieces of about this size, which stay in the second-level cache.
constexpr std::int64_t kFetchedBytes = 64 << 10;

std::int64_t raw_block_bytes(const KernelTable& table, std::int64_t columns) {
  return table.block * columns * static_cast<std::int64_t>(sizeof(double));
}

// Whether each of the ids is by one larger than the one before it.
bool in_turn(const PointId* ids, std::int64_t count) {
  bool all = true;
  for (std::int64_t i = 1; i < count; ++i) all &= ids[i] == ids[i - 1] + 1;
  return all;
}

}  // namespace

Rows fetch_rows(const Rows& rows, const PointId* order, std::int64_t first, std::int64_t last,
                AlignedArray<std::byte>& memory) {
  constexpr std::int64_t kLine = 64;  // bytes of a cache line
  first = std::min(first, rows.count - 1);
  const std::int64_t count = std::clamp<std::int64_t>(rows.count - first, 1, last - first), bytes = rows.row_bytes();
  if (in_turn(order + first, count)) return {rows.data + order[first] * bytes, count, rows.columns, rows.storage};
  std::byte* out = memory.ensure(count * bytes);
  constexpr std::int64_t kAhead = 16;  // rows on their way: they lie anywhere
  const auto copy = [&](std::size_t size) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::byte* ahead = rows.data + order[first + std::min(i + kAhead, count - 1)] * bytes;
      for (std::int64_t at = 0; at < std::min(bytes, 4 * kLine); at += kLine) prefetch(ahead + at);
      std::memcpy(out + i * bytes, rows.data + order[first + i] * bytes, size);
    }
  };
  // a copy of known size is a few instructions, of unknown size a call
  bytes == 8 ? copy(8) : bytes == 12 ? copy(12) : bytes == 16 ? copy(16) : bytes == 24 ? copy(24) : copy(bytes);
  return {out, count, rows.columns, rows.storage};
}

std::int64_t block_step(const KernelTable& table) {
  return std::lcm(std::max(table.point_tile, 1), std::max(table.scan_tile, 1));
}

std::int64_t padded_blocks(const KernelTable& table, std::int64_t count) {
  const std::int64_t step = block_step(table);
  const std::int64_t blocks = (count + table.block - 1) / table.block;
  return (blocks + step - 1) / step * step;
}

void prepare_blocks(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
                    std::int64_t blocks, std::byte* out, double* maxima, AlignedArray<double>& raw) {
  const bool turned = table.prepare_turned != nullptr && maxima == nullptr && rows.storage == Storage::float32;
  if (turned && can_turn_floats(table.block)) {
    for (std::int64_t i = 0; i < blocks; ++i) {
      std::byte* to = out + i * table.point_block_bytes;
      turn_floats(rows, first + i * table.block, 1, table.block, table.point_block_bytes, to + table.coordinates);
      table.prepare_turned(to, 1, parameters);
    }
    return;
  }
  const std::int64_t bytes = raw_block_bytes(table, rows.columns);
  const std::int64_t piece = std::clamp<std::int64_t>(kPieceBytes / bytes, 1, blocks);
  raw.ensure(piece * bytes / sizeof(double));
  for (std::int64_t done = 0; done < blocks; done += piece) {
    const std::int64_t now = std::min(piece, blocks - done);
    transpose_rows(rows, first + done * table.block, now, table.block, raw.data());
    table.prepare_points(raw.data(), now, parameters, out + done * table.point_block_bytes, maxima);
  }
}

PackedPoints::PackedPoints(const KernelTable& table, const double* parameters, const Rows& rows, int threads,
                           Progress& progress) {
  fill(table, rows, 0, threads, progress,
       [&](std::int64_t first, std::int64_t blocks, std::byte* out, double* maxima, Scratch& scratch) {
         prepare_blocks(table, parameters, rows, first * table.block, blocks, out, maxima, scratch.raw);
       });
}

PackedPoints::PackedPoints(const KernelTable& table, const double* parameters, const Rows& rows,
                           const std::vector<PointId>& order, int threads, Progress& progress, const Witness& witness) {
  const std::int64_t piece = std::max<std::int64_t>(1, kFetchedBytes / raw_block_bytes(table, rows.columns));
  fill(table, rows, 0, threads, progress,
       [&](std::int64_t first, std::int64_t blocks, std::byte* out, double* maxima, Scratch& scratch) {
         for (const std::int64_t end = first + blocks; first < end; first += piece) {
           const std::int64_t now = std::min(piece, end - first), row = first * table.block;
           const Rows here = fetch_rows(rows, order.data(), row, row + now * table.block, scratch.fetched);
           if (witness && row < rows.count) witness(row, here);
           prepare_blocks(table, parameters, here, 0, now, out, maxima, scratch.raw);
           out += now * table.point_block_bytes;
         }
       });
}

void PackedPoints::extend(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
                          int threads, Progress& progress) {
  const std::int64_t from = first / table.block;
  memory_.grow(padded_blocks(table, rows.count) * block_bytes_, from * block_bytes_);
  fill(table, rows, from, threads, progress,
       [&](std::int64_t begin, std::int64_t blocks, std::byte* out, double* maxima, Scratch& scratch) {
         prepare_blocks(table, parameters, rows, begin * table.block, blocks, out, maxima, scratch.raw);
       });
}

void PackedPoints::fill(const KernelTable& table, const Rows& rows, std::int64_t from, int threads, Progress& progress,
                        const Prepare& prepare) {
  block_bytes_ = table.point_block_bytes;
  step_ = block_step(table);
  blocks_ = padded_blocks(table, rows.count);
  memory_.ensure(blocks_ * block_bytes_);
  const std::int64_t per_task = std::max<std::int64_t>(1, kTaskBytes / raw_block_bytes(table, rows.columns));
  const std::int64_t tasks = (blocks_ - from + per_task - 1) / per_task;
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  std::vector<double> task_maxima(tasks * table.maxima, kLowest);
  Spares<Scratch> spares;
  progress.start(rows.count);
  parallel_for(tasks, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    const std::int64_t first = from + task * per_task, count = std::min(per_task, blocks_ - first);
    double* maxima = table.maxima ? task_maxima.data() + task * table.maxima : nullptr;
    prepare(first, count, memory_.data() + first * block_bytes_, maxima, *scratch);
    spares.give(std::move(scratch));
    progress.advance(count * table.block);
  });
  if (from == 0) maxima_.assign(table.maxima, kLowest);
  for (std::size_t i = 0; i < task_maxima.size(); ++i) {
    double& maximum = maxima_[i % table.maxima];
    // a NaN stays: no bound can be proved with it
    if (maximum == maximum && !(task_maxima[i] <= maximum)) maximum = task_maxima[i];
  }
}

void PreparedQueries::prepare(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
                              std::int64_t count, std::int64_t padded) {
  single_ = table.arithmetic_bytes == 4;
  query_bytes_ = table.query_slots * table.arithmetic_bytes;
  values_.ensure(padded * query_bytes_);
  if (table.plain_query != 0) {
    copy(rows, first, count);
  } else if (table.prepare_rows != nullptr && rows.storage == (single_ ? Storage::float32 : Storage::float64)) {
    table.prepare_rows(rows.row(first), rows.row_bytes(), count, parameters, values_.data());
  } else {
    prepare_lanes(table, parameters, rows, first, count);
  }
  for (std::int64_t i = count; i < padded; ++i) {
    std::memcpy(values_.data() + i * query_bytes_, values_.data() + (count - 1) * query_bytes_, query_bytes_);
  }
}

void PreparedQueries::copy(const Rows& rows, std::int64_t first, std::int64_t count) {
  const std::int64_t numbers = count * rows.columns;
  with_storage_type(rows.storage, [&]<class Stored>(const Stored*) {
    const auto* from = reinterpret_cast<const Stored*>(rows.row(first));
    const auto to = [&]<class Real>(Real* out) {
      if constexpr (std::is_same_v<Stored, Real>) {
        std::copy_n(from, numbers, out);
      } else {
        for (std::int64_t i = 0; i < numbers; ++i) out[i] = static_cast<Real>(widened(from[i]));
      }
    };
    single_ ? to(reinterpret_cast<float*>(values_.data())) : to(reinterpret_cast<double*>(values_.data()));
  });
}

void PreparedQueries::prepare_lanes(const KernelTable& table, const double* parameters, const Rows& rows,
                                    std::int64_t first, std::int64_t count) {
  const std::int64_t block = table.block;
  const std::int64_t slots = table.query_slots;
  prepared_.ensure(block * query_bytes_);
  raw_.ensure(block * rows.columns);
  for (std::int64_t done = 0; done < count; done += block) {
    const std::int64_t now = std::min(block, count - done);
    transpose_rows({rows.data, first + count, rows.columns, rows.storage}, first + done, 1, block, raw_.data());
    table.prepare_query(raw_.data(), 1, parameters, prepared_.data(), nullptr);
    std::byte* out = values_.data() + done * query_bytes_;
    if (single_) {
      separate_lanes(reinterpret_cast<const float*>(prepared_.data()), slots, block, now,
                     reinterpret_cast<float*>(out));
    } else {
      separate_lanes(reinterpret_cast<const double*>(prepared_.data()), slots, block, now,
                     reinterpret_cast<double*>(out));
    }
  }
}

double PreparedQueries::slot(std::int64_t i, std::int64_t slot) const {
  if (!single_) return reinterpret_cast<const double*>(query(i))[slot];
  return reinterpret_cast<const float*>(query(i))[slot];
}

}  // namespace anear
