// Scanning packed blocks for a group of queries.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "base/memory.h"
#include "kernel/abi.h"
#include "result/hits.h"
#include "storage/prepared.h"

namespace anear {

// Scratch and loop of one thread. `Collector` is any class with limit(), add_lanes(...) and tighten().
template <class Real>
class BlockScan {
 public:
  // Queries [0, count) of `queries` against blocks [first, last) of `points`. Chunks of points small enough for the
  // second-level cache are shown to all queries in turn, in a scattered order. The first ones are cut smaller still:
  // while limits are unknown everything is a candidate. `wanted` is about how many candidates a query needs before its
  // limit means something. `between` is called after each chunk with the number of blocks done.
  template <class Collector, class Between>
  void run(const KernelTable& table, const double* parameters, const PreparedQueries& queries, std::int64_t count,
           const PackedPoints& points, std::int64_t first, std::int64_t last, std::int64_t wanted,
           const Admission* admissions, Collector* collectors, const Between& between) {
    const std::int64_t step = points.step();
    const std::int64_t largest = std::max(step, kChunkBytes / table.point_block_bytes / step * step);
    const std::int64_t chunks = (last - first + largest - 1) / largest;
    const std::int64_t stride = scattering_stride(chunks);
    std::int64_t size = std::min(largest, (wanted / table.block / step + 1) * step);
    for (std::int64_t i = 0, chunk = 0; i < chunks; ++i, chunk = (chunk + stride) % chunks) {
      const std::int64_t end = std::min(first + (chunk + 1) * largest, last);
      for (std::int64_t block = first + chunk * largest; block < end;) {
        const Chunk now{points.block(block), block, std::min(size, end - block)};
        show(table, parameters, queries, count, now, admissions, collectors);
        between(now.blocks);
        block += now.blocks;
        size = std::min(2 * size, largest);
      }
    }
  }

 private:
  // Points are often stored in an order (a sensor's path, a sorted column). Seen in that order each may be nearer than
  // all before it, and every one a candidate; chunks visited in steps of about the golden ratio prevent that.
  static std::int64_t scattering_stride(std::int64_t chunks) {
    auto stride = static_cast<std::int64_t>(0.6180339887 * static_cast<double>(chunks));
    while (stride > 1 && std::gcd(stride, chunks) != 1) --stride;
    return std::max<std::int64_t>(stride, 1);
  }

  // A half of the smallest second-level cache around: the rest holds the queries and what they select.
  static constexpr std::int64_t kChunkBytes = 128 << 10;
  // Up to so many left-over queries are faster one by one than as a part of a whole tile.
  static constexpr std::int64_t kFew = 2;

  struct Chunk {
    const std::byte* data;
    std::int64_t first, blocks;
  };

  // One chunk to all queries in turn.
  template <class Collector>
  void show(const KernelTable& table, const double* parameters, const PreparedQueries& queries, std::int64_t count,
            const Chunk& chunk, const Admission* admissions, Collector* collectors) {
    for (std::int64_t q = 0; q < count;) {
      const std::int64_t left = count - q;
      const bool alone = table.select == nullptr || (table.select_one != nullptr && left <= kFew);
      q += alone ? scan_one(table, parameters, queries.query(q), chunk, admissions[q], collectors[q])
                 : scan_tile(table, parameters, queries.query(q), left, chunk, admissions + q, collectors + q);
    }
  }

  template <class Collector>
  std::int64_t scan_one(const KernelTable& table, const double* parameters, const std::byte* query, const Chunk& chunk,
                        const Admission& admission, Collector& collector) {
    reserve(table, 1, chunk.blocks);
    limits_[0] = collector.limit();
    counts_[0] = 0;
    table.select_one(query, chunk.data, chunk.blocks, chunk.first, parameters, limits_.data(), values_.data(),
                     blocks_.data(), counts_.data(), chunk.blocks);
    collect_hits(values_.data(), blocks_.data(), counts_[0], table.block, admission, collector);
    collector.tighten();
    return 1;
  }

  // A whole tile, or the last `left` queries followed by copies that let nothing pass.
  template <class Collector>
  std::int64_t scan_tile(const KernelTable& table, const double* parameters, const std::byte* queries,
                         std::int64_t left, const Chunk& chunk, const Admission* admissions, Collector* collectors) {
    const std::int64_t tile = table.query_tile;
    const std::int64_t used = std::min(tile, left);
    reserve(table, tile, chunk.blocks);
    for (std::int64_t i = 0; i < tile; ++i) {
      limits_[i] = i < used ? collectors[i].limit() : -std::numeric_limits<Real>::infinity();
      counts_[i] = 0;
    }
    table.select(queries, chunk.data, chunk.blocks, chunk.first, parameters, limits_.data(), values_.data(),
                 blocks_.data(), counts_.data(), chunk.blocks);
    for (std::int64_t i = 0; i < used; ++i) {
      if (counts_[i] == 0) continue;
      collect_hits(values_.data() + i * chunk.blocks * table.block, blocks_.data() + i * chunk.blocks, counts_[i],
                   table.block, admissions[i], collectors[i]);
      collectors[i].tighten();
    }
    return used;
  }

  void reserve(const KernelTable& table, std::int64_t queries, std::int64_t blocks) {
    values_.ensure(queries * blocks * table.block);
    blocks_.ensure(queries * blocks);
    counts_.ensure(queries);
    limits_.ensure(queries);
  }

  AlignedArray<Real> values_, limits_;
  AlignedArray<std::int32_t> blocks_, counts_;
};

}  // namespace anear
