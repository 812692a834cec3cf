#include "storage/point_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/parallel.h"
#include "base/spares.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskRows = 4096;
constexpr std::int64_t kTaskBlocks = 8;  // prepared at a time: they stay in cache until they are taken apart

struct Scratch {
  AlignedArray<double> raw;
  AlignedArray<std::byte> blocks;
};

// The lanes of one entry of a block, each to its row.
template <class Item>
void spread(const std::byte* block, const RowPiece& piece, std::int64_t lanes, std::int64_t used, std::byte* rows,
            std::int64_t row_bytes) {
  const auto* from = reinterpret_cast<const Item*>(block + piece.block_offset);
  for (std::int64_t lane = 0; lane < used; ++lane) {
    auto* to = reinterpret_cast<Item*>(rows + lane * row_bytes + piece.row_offset);
    for (std::int64_t i = 0; i < piece.length; ++i) to[i] = from[i * lanes + lane];
  }
}

void take_apart(const std::byte* block, const std::vector<RowPiece>& pieces, std::int64_t lanes, std::int64_t used,
                std::byte* rows, std::int64_t row_bytes) {
  for (const RowPiece& piece : pieces) {
    const auto with = [&](auto item) { spread<decltype(item)>(block, piece, lanes, used, rows, row_bytes); };
    switch (piece.item_bytes) {
      case 1:
        with(std::uint8_t{});
        break;
      case 2:
        with(std::uint16_t{});
        break;
      case 4:
        with(std::uint32_t{});
        break;
      default:
        with(std::uint64_t{});
    }
  }
}

// `others`: several sets of as many.
void raise_maxima(std::vector<double>& maxima, const std::vector<double>& others) {
  for (std::size_t i = 0; i < others.size(); ++i) {
    double& maximum = maxima[i % maxima.size()];
    // a NaN stays: no bound can be proved with it
    if (maximum == maximum && !(others[i] <= maximum)) maximum = others[i];
  }
}

}  // namespace

void RowForm::check(const KernelTable& table, const Rows& points) const {
  require(table.gather_rows != nullptr, "the search table lacks 'gather_rows'");
  require(objects.count == points.count && objects.columns == table.query_columns,
          "objects must have a row for each point, with the columns of a query");
  for (const RowPiece& piece : pieces) {
    const bool known = piece.item_bytes == 1 || piece.item_bytes == 2 || piece.item_bytes == 4 || piece.item_bytes == 8;
    require(known && piece.length >= 1 && piece.block_offset >= 0 && piece.row_offset >= 0 &&
                piece.row_offset % piece.item_bytes == 0 && piece.block_offset % piece.item_bytes == 0 &&
                piece.row_offset + piece.length * piece.item_bytes <= table.row_bytes &&
                piece.block_offset + piece.length * piece.item_bytes * table.block <= table.point_block_bytes,
            "an entry of the prepared rows does not fit the search table");
  }
  require(!raw_queries || table.query_slots * table.arithmetic_bytes == objects.row_bytes(),
          "raw objects have another length than prepared queries");
  require(!raw || table.row_bytes == points.row_bytes(), "raw rows have another length than prepared ones");
}

RowPoints::RowPoints(const KernelTable& table, const RowForm& form, const Rows& rows, const std::byte* prepared,
                     std::int64_t prepared_bytes, std::vector<double> maxima)
    : data_(form.raw ? rows.data : prepared),
      row_bytes_(table.row_bytes),
      bytes_(form.raw ? 0 : rows.count * row_bytes_),
      maxima_(std::move(maxima)) {
  require(prepared_bytes == bytes_,
          "the prepared rows take " + std::to_string(prepared_bytes) + " bytes instead of " + std::to_string(bytes_));
  require(static_cast<std::int64_t>(maxima_.size()) == table.maxima,
          "there are " + std::to_string(maxima_.size()) + " maxima instead of " + std::to_string(table.maxima));
}

RowPoints::RowPoints(const KernelTable& table, const double* parameters, const RowForm& form, const Rows& rows,
                     int threads, Progress& progress)
    : row_bytes_(table.row_bytes) {
  bytes_ = form.raw ? 0 : rows.count * row_bytes_;
  data_ = form.raw ? rows.data : memory_.ensure(bytes_);
  maxima_ = prepare(table, parameters, form, rows, 0, memory_.data(), threads, progress);
}

std::vector<double> RowPoints::prepare(const KernelTable& table, const double* parameters, const RowForm& form,
                                       const Rows& rows, std::int64_t first, std::byte* out, int threads,
                                       Progress& progress) const {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  std::vector<double> all(table.maxima, kLowest);
  if (form.raw && table.maxima == 0) return all;
  const std::int64_t tasks = (rows.count - first + kTaskRows - 1) / kTaskRows;
  std::vector<double> task_maxima(tasks * table.maxima, kLowest);
  Spares<Scratch> spares;
  progress.start(rows.count - first);
  parallel_for(tasks, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    const std::int64_t begin = first + task * kTaskRows, end = std::min(begin + kTaskRows, rows.count);
    double* maxima = table.maxima ? task_maxima.data() + task * table.maxima : nullptr;
    scratch->blocks.ensure(kTaskBlocks * table.point_block_bytes);
    for (std::int64_t row = begin; row < end; row += kTaskBlocks * table.block) {
      const std::int64_t count = std::min(kTaskBlocks * table.block, end - row);
      const std::int64_t blocks = (count + table.block - 1) / table.block;
      prepare_blocks(table, parameters, rows, row, blocks, scratch->blocks.data(), maxima, scratch->raw);
      for (std::int64_t b = 0; b < blocks && !form.raw; ++b) {
        const std::int64_t used = std::min<std::int64_t>(table.block, count - b * table.block);
        take_apart(scratch->blocks.data() + b * table.point_block_bytes, form.pieces, table.block, used,
                   out + (row + b * table.block) * row_bytes_, row_bytes_);
      }
    }
    spares.give(std::move(scratch));
    progress.advance(end - begin);
  });
  raise_maxima(all, task_maxima);
  return all;
}

void RowPoints::extend(const KernelTable& table, const double* parameters, const RowForm& form, const Rows& rows,
                       std::int64_t first, int threads, Gate& gate, Progress& progress) {
  const std::size_t kept = form.raw ? 0 : first * row_bytes_, size = form.raw ? 0 : rows.count * row_bytes_;
  AlignedArray<std::byte> moved;
  if (size > memory_.size()) {
    moved = AlignedArray<std::byte>(size + size / 2);
    std::memcpy(moved.data(), data_, kept);
  }
  std::byte* out = moved.size() > 0 ? moved.data() : memory_.data();
  const std::vector<double> more = prepare(table, parameters, form, rows, first, out, threads, progress);
  const Gate::Alone alone(gate);
  if (moved.size() > 0) memory_ = std::move(moved);
  data_ = form.raw ? rows.data : memory_.data();
  bytes_ = size;
  raise_maxima(maxima_, more);
}

}  // namespace anear
