// The centres of lists as prepared blocks: what finds the nearest to an object by the formula's own values.
#pragma once
#include <cstdint>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "index/space.h"
#include "storage/rows.h"

namespace anear {

class Centres {
 public:
  Centres() = default;
  Centres(const Estimate& estimate, const Rows& centres);

  // The nearest to each of the objects; where no distance is a number, any.
  void assign(const Estimate& estimate, const Rows& objects, int threads, Progress& progress,
              std::vector<std::int32_t>& nearest) const;

  // Lanes of the last block that have no centre repeat the last one.
  const std::byte* block(std::int64_t i) const { return memory_.data() + i * block_bytes_; }
  std::int64_t count() const { return count_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size()); }

 private:
  std::int64_t count_ = 0, blocks_ = 0, block_bytes_ = 0;
  AlignedArray<std::byte> memory_;
};

}  // namespace anear
