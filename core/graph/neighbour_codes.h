// The codes of a node's neighbours, kept beside the node: one stretch of memory where a walk would fetch as many rows.
//
//   block of a node: for every sixteen neighbours [8 coordinates][16 neighbours][4 bytes], two coordinates a byte,
//                    then their scalars
//
// An instruction multiplies four coordinates of sixteen neighbours with a query's weights and adds them up, so that
// nothing is left to be summed across a register. Values are computed of all neighbours, seen before or not: that is
// worth it where rows come from memory, as they do of a million points.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "base/progress.h"
#include "graph/links.h"
#include "storage/codes.h"

namespace anear {

class NeighbourCodes {
 public:
  static constexpr std::int64_t kAtOnce = 16;  // neighbours

  // Whether there is a way to compare with such codes; there is one where the processor has the instruction.
  static bool serve(const Codes& codes);

  NeighbourCodes(const Codes& codes, const Links& links, int threads, Progress& progress);

  // Values of neighbours kAtOnce * group and on, as `Codes::values` has them; which of them are below `limit`, bit by bit.
  std::uint32_t look(const CodeQuery& query, std::int32_t node, std::int64_t group, float limit, float* out) const;
  void ask(std::int32_t node) const {
    for (std::int64_t line = 0; line < kAsked; ++line) prefetch(block(node) + 64 * line);
  }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size()); }

 private:
  static constexpr std::int64_t kAsked = 8;  // lines of a block; the processor itself asks for those that follow

  const std::byte* block(std::int64_t node) const { return memory_.data() + node * block_bytes_; }
  void fill(std::int64_t node, const std::int32_t* neighbours, const Links& links, const Codes& codes);

  std::int64_t eights_ = 0, group_bytes_ = 0, block_bytes_ = 0;
  std::array<std::uint8_t, 16> levels_{};
  AlignedArray<std::byte> memory_;
};

}  // namespace anear
