// Prepared objects: what the kernels scan and what they scan with.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "kernel/abi.h"
#include "storage/rows.h"

namespace anear {

// Rows order[first] ... order[last - 1], as far as there are any (the last one where there are none), copied to `memory`
// unless they lie one behind the other.
Rows fetch_rows(const Rows& rows, const PointId* order, std::int64_t first, std::int64_t last,
                AlignedArray<std::byte>& memory);

// Every kernel of the table takes this many blocks in whole steps.
std::int64_t block_step(const KernelTable& table);
// How many blocks hold `count` points, rounded up to whole steps.
std::int64_t padded_blocks(const KernelTable& table, std::int64_t count);

// Prepares rows [first, ...) into `blocks` prepared blocks at `out`; lanes past the last row repeat it. `raw` is scratch.
// `maxima` (table.maxima numbers) may be null.
void prepare_blocks(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
                    std::int64_t blocks, std::byte* out, double* maxima, AlignedArray<double>& raw);

// All points of an index, packed in blocks.
class PackedPoints {
 public:
  // Is shown the rows of whole blocks while they lie in the cache, and the place of the first, by any thread.
  using Witness = std::function<void(std::int64_t first, const Rows& rows)>;

  PackedPoints() = default;
  PackedPoints(const KernelTable& table, const double* parameters, const Rows& rows, int threads, Progress& progress);
  // `order`: the row that comes at each place. Each row is fetched once; a witness, if there is one, sees all.
  PackedPoints(const KernelTable& table, const double* parameters, const Rows& rows, const std::vector<PointId>& order,
               int threads, Progress& progress, const Witness& witness = {});

  // Takes in the rows from `first` on. Their first block may hold rows before them, and is prepared anew.
  void extend(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first, int threads,
              Progress& progress);

  const std::byte* block(std::int64_t i) const { return memory_.data() + i * block_bytes_; }
  std::int64_t blocks() const { return blocks_; }
  // Kernels go over the blocks in multiples of this.
  std::int64_t step() const { return step_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size()); }
  const std::vector<double>& maxima() const { return maxima_; }

 private:
  struct Scratch {
    AlignedArray<double> raw;
    AlignedArray<std::byte> fetched;
  };
  // prepare(first, blocks, out, maxima, scratch) prepares blocks, on any thread.
  using Prepare = std::function<void(std::int64_t, std::int64_t, std::byte*, double*, Scratch&)>;
  // Prepares all blocks from `from` on.
  void fill(const KernelTable& table, const Rows& rows, std::int64_t from, int threads, Progress& progress,
            const Prepare& prepare);

  AlignedArray<std::byte> memory_;
  std::int64_t block_bytes_ = 0;
  std::int64_t step_ = 1;
  std::int64_t blocks_ = 0;
  std::vector<double> maxima_;
};

// Prepared queries, `query_slots` numbers each, one behind the other. Kept and refilled: no allocation once warm.
class PreparedQueries {
 public:
  // Rows [first, first + count); `padded` >= count queries are stored, the last one repeated.
  void prepare(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
               std::int64_t count, std::int64_t padded);

  const std::byte* query(std::int64_t i) const { return values_.data() + i * query_bytes_; }
  // Slot `slot` of query `i`, whatever the arithmetic type.
  double slot(std::int64_t i, std::int64_t slot) const;

 private:
  void copy(const Rows& rows, std::int64_t first, std::int64_t count);
  void prepare_lanes(const KernelTable& table, const double* parameters, const Rows& rows, std::int64_t first,
                     std::int64_t count);

  AlignedArray<std::byte> values_;
  AlignedArray<std::byte> prepared_;
  AlignedArray<double> raw_;
  std::int64_t query_bytes_ = 0;
  bool single_ = false;
};

}  // namespace anear
