#include "lists/list_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "base/spares.h"
#include "lists/frame.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskBlocks = 64;

}  // namespace

ListPlaces::ListPlaces(const Cut& cut, std::int64_t lanes) : lanes_(lanes), first_(1, 0) {
  for (std::int64_t list = 0; list < cut.lists(); ++list) {
    ids_.insert(ids_.end(), cut.order.begin() + cut.starts[list], cut.order.begin() + cut.starts[list + 1]);
    ids_.resize((ids_.size() + lanes - 1) / lanes * lanes, kNobody);
    first_.push_back(static_cast<std::int32_t>(ids_.size() / lanes));
    sizes_.push_back(static_cast<std::int32_t>(cut.size(list)));
  }
  blocks_ = first_.back();
  reserve(blocks_with(cut.added));
  for (std::size_t i = 0; i < cut.added.size(); ++i) put(cut.added[i], cut.order[cut.starts.back() + i]);
}

std::vector<std::int32_t> ListPlaces::lists() const {
  std::vector<std::int32_t> lists(blocks_ * lanes_);
  for (std::size_t list = 0; list < sizes_.size(); ++list) {
    runs(static_cast<std::int64_t>(list), [&](std::int64_t first, std::int64_t count) {
      std::fill_n(lists.begin() + first * lanes_, count * lanes_, static_cast<std::int32_t>(list));
    });
  }
  return lists;
}

std::int64_t ListPlaces::blocks_with(const std::vector<std::int32_t>& newcomers) const {
  std::int64_t blocks = blocks_;
  std::vector<std::int32_t> more(sizes_.size());
  for (const std::int32_t list : newcomers) blocks += (sizes_[list] + more[list]++) % lanes_ == 0 ? 1 : 0;
  return blocks;
}

void ListPlaces::reserve(std::int64_t blocks) {
  if (blocks == blocks_) return;
  behind_.resize(sizes_.size(), -1);
  last_.resize(sizes_.size(), -1);
  next_.resize(blocks - first_.back(), -1);
  ids_.resize(blocks * lanes_, kNobody);
}

std::int64_t ListPlaces::put(std::int32_t list, PointId id) {
  const std::int64_t lane = sizes_[list]++ % lanes_;
  if (lane == 0) {
    const auto block = static_cast<std::int32_t>(blocks_++);
    (last_[list] < 0 ? behind_[list] : next_[last_[list] - first_.back()]) = block;
    last_[list] = block;
  }
  const bool behind = !last_.empty() && last_[list] >= 0;
  const std::int64_t place = (behind ? last_[list] : first_[list + 1] - 1) * lanes_ + lane;
  ids_[place] = id;
  return place;
}

void ListPlaces::forget_dead(const Alive& alive) {
  for (PointId& id : ids_) {
    if (id != kNobody && !alive[id]) id = kNobody;
  }
}

std::vector<std::int32_t> ListPlaces::relaid(const ListPlaces& whole) const {
  std::vector<std::int32_t> from(whole.blocks_, -1);
  for (std::size_t list = 0; list < sizes_.size(); ++list) {
    std::int32_t to = whole.first_[list];
    runs(static_cast<std::int64_t>(list), [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t block = first; block < first + count; ++block) from[to++] = static_cast<std::int32_t>(block);
    });
  }
  return from;
}

ListedPoints::ListedPoints(const Estimate& estimate, const Rows& rows, std::span<const PointId> ids, int threads,
                           Progress& progress)
    : blocks_(estimate.kernels().point_block_bytes, static_cast<std::int64_t>(ids.size()) / estimate.kernels().block) {
  const KernelTable& table = estimate.kernels();
  const std::int64_t blocks = blocks_.count();
  struct Task {
    AlignedArray<double> raw;
    AlignedArray<std::byte> rows;
  };
  Spares<Task> spares;
  progress.start(blocks);
  parallel_for((blocks + kTaskBlocks - 1) / kTaskBlocks, threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t end = std::min((number + 1) * kTaskBlocks, blocks);
    for (std::int64_t b = number * kTaskBlocks; b < end; ++b) {
      const Rows here = brought(rows, ids.data() + b * table.block, table.block, task->rows);
      prepare_blocks(table, estimate.parameters.data(), here, 0, 1, blocks_.block(b), nullptr, task->raw);
    }
    progress.advance(end - number * kTaskBlocks);
    spares.give(std::move(task));
  });
}

void ListedPoints::put(const RowForm& form, std::int64_t lanes, std::int64_t lane, const ListedPoints& from,
                       std::int64_t other) {
  for (const RowPiece& piece : form.pieces) {
    const std::int64_t bytes = piece.item_bytes, stride = lanes * bytes;
    std::byte* to = blocks_.block(lane / lanes) + piece.block_offset + lane % lanes * bytes;
    const std::byte* at = from.block(other / lanes) + piece.block_offset + other % lanes * bytes;
    for (std::int64_t i = 0; i < piece.length; ++i) std::memcpy(to + i * stride, at + i * stride, bytes);
  }
}

ListedPoints ListedPoints::relaid(std::span<const std::int32_t> from) const {
  ListedPoints points;
  points.blocks_ = blocks_.relaid(from);
  return points;
}

}  // namespace anear
