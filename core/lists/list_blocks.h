// Lists of points as packed blocks of whatever computes their values: codes, or the prepared points themselves.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "index/alive.h"
#include "index/space.h"
#include "lists/block_array.h"
#include "lists/cut.h"
#include "storage/point_rows.h"
#include "storage/rows.h"

namespace anear {

// Where each list's points lie in blocks of so many lanes. The blocks of the points that were there at first lie one
// behind the other, list by list; a point that is added takes the next lane of its list's last block, and where that is
// full the first of a block of its own behind all others.
class ListPlaces {
 public:
  ListPlaces() = default;
  ListPlaces(const Cut& cut, std::int64_t lanes);

  // The first blocks of a list.
  std::int64_t first(std::int64_t list) const { return first_[list]; }
  // Calls run(first, count) with all blocks of a list, as many at a time as lie one behind the other.
  template <class Run>
  void runs(std::int64_t list, Run&& run) const {
    run(std::int64_t{first_[list]}, std::int64_t{first_[list + 1]} - first_[list]);
    if (next_.empty()) return;
    for (std::int32_t block = behind_[list]; block >= 0; block = next_[block - first_.back()])
      run(std::int64_t{block}, std::int64_t{1});
  }
  // Points that have ever been put there.
  std::int64_t size(std::int64_t list) const { return sizes_[list]; }
  std::int64_t blocks() const { return blocks_; }
  std::int64_t lanes() const { return lanes_; }
  // The list of each lane.
  std::vector<std::int32_t> lists() const;
  // Of all lanes.
  std::span<const PointId> ids() const { return {ids_.data(), static_cast<std::size_t>(blocks_ * lanes_)}; }

  // How many blocks there will be with more points, whose lists these are.
  std::int64_t blocks_with(const std::vector<std::int32_t>& newcomers) const;
  // Makes room for them.
  void reserve(std::int64_t blocks);
  // Puts a point behind the others of its list, in blocks that were reserved. Returns its lane, of all lanes.
  std::int64_t put(std::int32_t list, PointId id);
  void forget(std::int64_t lane) { ids_[lane] = kNobody; }
  void forget_dead(const Alive& alive);
  // For the blocks of `whole`, the same lists laid out anew, which of these holds the same points; -1: none.
  std::vector<std::int32_t> relaid(const ListPlaces& whole) const;

 private:
  std::int64_t lanes_ = 0, blocks_ = 0;
  std::vector<std::int32_t> first_;          // block of each list, and the end
  std::vector<std::int32_t> sizes_;          // of each list
  std::vector<PointId> ids_;                 // perhaps of more blocks than there are
  std::vector<std::int32_t> behind_, last_;  // of each list: the first and the last block behind all lists'; -1: none
  std::vector<std::int32_t> next_;           // of the blocks behind: the next one of the same list
};

// Points prepared in the blocks of their lists.
class ListedPoints {
 public:
  ListedPoints() = default;
  ListedPoints(const Estimate& estimate, const Rows& rows, std::span<const PointId> ids, int threads,
               Progress& progress);
  const std::byte* block(std::int64_t i) const { return blocks_.block(i); }
  std::int64_t bytes() const { return blocks_.bytes(); }

  BlockArray<std::byte>& blocks() { return blocks_; }
  const BlockArray<std::byte>& blocks() const { return blocks_; }
  // A lane's entries become those of another's.
  void put(const RowForm& form, std::int64_t lanes, std::int64_t lane, const ListedPoints& from, std::int64_t other);
  ListedPoints relaid(std::span<const std::int32_t> from) const;

 private:
  BlockArray<std::byte> blocks_;
};

}  // namespace anear
