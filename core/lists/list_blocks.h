// Lists of points as packed blocks of whatever computes their values: codes, or the prepared points themselves.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "index/space.h"
#include "lists/cut.h"
#include "lists/packed_codes.h"
#include "storage/rows.h"

namespace anear {

// Where each list's points lie in blocks of so many lanes: every list begins with a block.
class ListPlaces {
 public:
  ListPlaces() = default;
  ListPlaces(const Cut& cut, std::int64_t lanes);

  std::int64_t first(std::int64_t list) const { return first_[list]; }
  std::int64_t blocks(std::int64_t list) const { return first_[list + 1] - first_[list]; }
  std::int64_t blocks() const { return first_.back(); }
  std::int64_t lanes() const { return lanes_; }
  // The list that each block belongs to.
  std::vector<std::int32_t> lists() const;
  // Of all lanes; -1: none.
  const std::vector<std::int32_t>& ids() const { return ids_; }

 private:
  std::int64_t lanes_ = 0;
  std::vector<std::int32_t> first_;  // block of each list, and the end
  std::vector<std::int32_t> ids_;
};

// Points prepared in the blocks of their lists.
class ListedPoints {
 public:
  ListedPoints() = default;
  ListedPoints(const Estimate& estimate, const Rows& rows, const std::vector<std::int32_t>& ids, int threads,
               Progress& progress);
  const std::byte* block(std::int64_t i) const { return memory_.data() + i * block_bytes_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size()); }

 private:
  std::int64_t block_bytes_ = 0;
  AlignedArray<std::byte> memory_;
};

}  // namespace anear
