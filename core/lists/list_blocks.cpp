#include "lists/list_blocks.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/spares.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskBlocks = 64;

}  // namespace

ListPlaces::ListPlaces(const Cut& cut, std::int64_t lanes) : lanes_(lanes), first_(1, 0) {
  for (std::int64_t list = 0; list < cut.lists(); ++list) {
    ids_.insert(ids_.end(), cut.order.begin() + cut.starts[list], cut.order.begin() + cut.starts[list + 1]);
    ids_.resize((ids_.size() + lanes - 1) / lanes * lanes, -1);
    first_.push_back(static_cast<std::int32_t>(ids_.size() / lanes));
  }
}

std::vector<std::int32_t> ListPlaces::lists() const {
  std::vector<std::int32_t> lists(blocks());
  for (std::size_t list = 0; list + 1 < first_.size(); ++list)
    std::fill(lists.begin() + first_[list], lists.begin() + first_[list + 1], static_cast<std::int32_t>(list));
  return lists;
}

ListedPoints::ListedPoints(const Estimate& estimate, const Rows& rows, const std::vector<std::int32_t>& ids,
                           int threads, Progress& progress)
    : block_bytes_(estimate.kernels().point_block_bytes) {
  const KernelTable& table = estimate.kernels();
  const std::int64_t blocks = static_cast<std::int64_t>(ids.size()) / table.block;
  std::byte* memory = memory_.ensure(blocks * block_bytes_);
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
      prepare_blocks(table, estimate.parameters.data(), here, 0, 1, memory + b * block_bytes_, nullptr, task->raw);
    }
    progress.advance(end - number * kTaskBlocks);
    spares.give(std::move(task));
  });
}

}  // namespace anear
