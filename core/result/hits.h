// From the blocks that a `select` kernel lets pass to single candidates.
#pragma once
#include <bit>
#include <cstdint>
#include <vector>

#include "base/point_id.h"
#include "result/lanes.h"

namespace anear {

// Which points may be answers to a query.
struct Admission {
  std::int64_t count = 0;                 // ids from here on are padding
  const std::uint8_t* allowed = nullptr;  // bit i: point i is allowed; null: all are
  PointId excluded = kNobody;

  bool admits(PointId id) const {
    return id < count && id != excluded && (allowed == nullptr || (allowed[id >> 3] >> (id & 7) & 1) != 0);
  }

  // Which of ids[i], for every bit i of `mask`, are admitted.
  std::uint64_t among(const PointId* ids, std::uint64_t mask) const {
    std::uint64_t admitted = 0;
    for (; mask != 0; mask &= mask - 1) {
      const int lane = std::countr_zero(mask);
      admitted |= std::uint64_t{admits(ids[lane])} << lane;
    }
    return admitted;
  }

  // How many points are allowed.
  std::int64_t admitted() const {
    if (allowed == nullptr) return count;
    std::int64_t found = 0;
    for (std::int64_t i = 0; i < count / 8; ++i) found += std::popcount(allowed[i]);
    const auto rest = static_cast<unsigned>(count % 8);
    if (rest != 0) found += std::popcount(allowed[count / 8] & ((1u << rest) - 1));
    return found;
  }

  // Those that are admitted, into `ids`.
  void list(std::vector<PointId>& ids) const {
    ids.clear();
    for (std::int64_t first = 0; first < count; first += 8) {
      for (unsigned bits = allowed == nullptr ? 255 : allowed[first >> 3]; bits != 0; bits &= bits - 1) {
        const auto id = static_cast<PointId>(first + std::countr_zero(bits));
        if (id < count && id != excluded) ids.push_back(id);
      }
    }
  }

  // Bit i: point first + i is admitted, i < lanes <= 64.
  std::uint64_t mask(std::int64_t first, std::int64_t lanes) const {
    std::uint64_t mask = ~std::uint64_t{0};
    if (first + lanes > count) mask = first < count ? (std::uint64_t{1} << (count - first)) - 1 : 0;
    if (excluded >= first && excluded < first + lanes) mask &= ~(std::uint64_t{1} << (excluded - first));
    if (allowed == nullptr) return mask;
    std::uint64_t bits = 0;
    for (std::int64_t i = 0; i < lanes && first + i < count; ++i) {
      bits |= static_cast<std::uint64_t>(allowed[(first + i) >> 3] >> ((first + i) & 7) & 1) << i;
    }
    return mask & bits;
  }
};

// Gives a collector the lanes of `hits` selected blocks that pass its limit, in the order of their ids.
template <class Real, class Collector>
void collect_hits(const Real* values, const std::int32_t* blocks, std::int64_t hits, std::int64_t block,
                  const Admission& admission, Collector& collector) {
  for (std::int64_t hit = 0; hit < hits; ++hit, values += block) {
    const std::int64_t first = blocks[hit] * block;
    const std::uint64_t mask = passing_lanes(values, block, collector.limit()) & admission.mask(first, block);
    if (mask != 0) collector.add_lanes(values, mask, static_cast<PointId>(first));
  }
}

}  // namespace anear
