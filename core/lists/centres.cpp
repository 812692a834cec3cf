#include "lists/centres.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/parallel.h"
#include "base/spares.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskRows = 128;  // compared with all centres by a task

template <class Real>
std::int32_t nearest_to(const void* query, const Estimate& estimate, const Centres& centres,
                        AlignedArray<std::byte>& memory) {
  const KernelTable& table = estimate.kernels();
  auto* values = reinterpret_cast<Real*>(memory.ensure(table.block * sizeof(Real)));
  Real best = std::numeric_limits<Real>::infinity();
  std::int64_t nearest = -1;
  for (std::int64_t first = 0; first < centres.count(); first += table.block) {
    const std::byte* block = centres.block(first / table.block);
    auto mask = static_cast<std::uint64_t>(table.look(query, block, estimate.parameters.data(), &best, values));
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      if (!(values[lane] < best)) continue;
      best = values[lane];
      nearest = first + lane;
    }
  }
  return static_cast<std::int32_t>(std::min(nearest, centres.count() - 1));
}

}  // namespace

Centres::Centres(const Estimate& estimate, const Rows& centres)
    : count_(centres.count),
      blocks_((centres.count + estimate.kernels().block - 1) / estimate.kernels().block),
      block_bytes_(estimate.kernels().point_block_bytes) {
  AlignedArray<double> raw;
  prepare_blocks(estimate.kernels(), estimate.parameters.data(), centres, 0, blocks_,
                 memory_.ensure(blocks_ * block_bytes_), nullptr, raw);
}

void Centres::assign(const Estimate& estimate, const Rows& objects, int threads, Progress& progress,
                     std::vector<std::int32_t>& nearest) const {
  struct Task {
    PreparedQueries queries;
    AlignedArray<std::byte> values;
  };
  const KernelTable& table = estimate.kernels();
  Spares<Task> spares;
  parallel_for((objects.count + kTaskRows - 1) / kTaskRows, threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t first = number * kTaskRows, count = std::min(kTaskRows, objects.count - first);
    task->queries.prepare(table, estimate.parameters.data(), objects, first, count, count);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::byte* query = task->queries.query(i);
      const std::int32_t found = table.arithmetic_bytes == 4 ? nearest_to<float>(query, estimate, *this, task->values)
                                                             : nearest_to<double>(query, estimate, *this, task->values);
      nearest[first + i] = found >= 0 ? found : static_cast<std::int32_t>((first + i) % count_);
      progress.poll();
    }
    progress.count({count * count_, 0});
    progress.advance(count);
    spares.give(std::move(task));
  });
}

}  // namespace anear
