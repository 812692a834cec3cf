// Points as codes of four or eight bits a coordinate, packed for scanning: sixteen points side by side, four
// coordinates of each in the four bytes that one instruction multiplies and sums, so that nothing is summed across.
//
// Of four bits, a byte holds two coordinates. The lower one is its lower half. The upper one is the byte as a whole:
// what the lower half adds to it was known when the upper one was rounded.
//
// Codes may stand for what lies between a point and its list's centre: then they are as fine as the list is narrow. They
// are of directions; how far a point lies that way is a number of its own, beside its scalars.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"
#include "base/progress.h"
#include "lists/frame.h"

namespace anear {

inline constexpr std::int64_t kCodeLanes = 16;  // points of a block

// A query's weights as whole numbers, for the codes of one PackedCodes.
struct PackedQuery {
  AlignedArray<std::int8_t> weights;  // of the lower coordinates, then of the upper ones; padded with zeros
  float base = 0;                     // of directions
  float lower = 0, upper = 0;
};

// Blocks to be scanned.
struct CodePiece {
  std::int64_t first, blocks;
  std::int64_t next;  // the block whose like comes after these: it is asked for meanwhile
  float base;         // added to all values
  float limit;
};

// Codes where they lie.
struct MadePackedCodes {
  std::span<const std::byte> blocks;
  std::span<const float> numbers, low, step;
};

class PackedCodes {
 public:
  PackedCodes() = default;
  // Block b holds the rows ids[16 b] and on; -1: none.
  PackedCodes(const Frame& frame, int bits, const Rows& rows, std::span<const std::int32_t> ids, int threads,
              Progress& progress)
      : PackedCodes(frame, bits, rows, ids, nullptr, {}, threads, progress) {}
  // The same of what lies between rows and centres: those of block b and centre centre_of[b].
  PackedCodes(const Frame& frame, int bits, const Rows& rows, std::span<const std::int32_t> ids,
              const PackedCodes* centres, std::span<const std::int32_t> centre_of, int threads, Progress& progress);
  // Codes that were made before, which stay where they are. Throws ArgumentError if they are of other sizes.
  PackedCodes(const Frame& frame, int bits, std::int64_t blocks, const MadePackedCodes& made);

  void prepare(const FrameQuery& query, PackedQuery& packed) const;

  // Values[16 * i + lane]: about the rank of the points of block piece.first + i. Bit lane of masks[i]: it is not >=
  // piece.limit.
  void scan(const FrameQuery& query, const PackedQuery& packed, const CodePiece& piece, float* values,
            std::uint16_t* masks) const {
    scan_(*this, query, packed, piece, values, masks);
  }
  // What a point's scalars add to its value.
  float scalar_part(const FrameQuery& query, std::int64_t point) const {
    float sum = 0;
    for (std::int64_t s = 0; s < scalars_; ++s)
      sum += query.scalars[s] * numbers_of(point / kCodeLanes)[(s + 1) * kCodeLanes + point % kCodeLanes];
    return sum;
  }

  const std::byte* block(std::int64_t i) const { return memory_.data() + i * block_bytes_; }
  // How far the points of a block lie from the centre, then their scalars.
  const float* numbers_of(std::int64_t i) const { return numbers_.data() + i * kCodeLanes * (scalars_ + 1); }
  int bits() const { return bits_; }
  std::int64_t groups() const { return groups_; }  // of four bytes a point
  std::int64_t scalars() const { return scalars_; }
  std::int64_t block_bytes() const { return block_bytes_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size() + numbers_.size() * sizeof(float)); }
  MadePackedCodes made() const {
    return {{memory_.data(), memory_.size()}, {numbers_.data(), numbers_.size()}, low_, step_};
  }

 private:
  using Scan = void (*)(const PackedCodes&, const FrameQuery&, const PackedQuery&, const CodePiece&, float*,
                        std::uint16_t*);

  void shape(const Frame& frame, int bits);
  void fit(std::span<const float> sample);
  std::vector<float> sampled(const Frame& frame, const Rows& rows, std::span<const std::int32_t> ids,
                             const PackedCodes* centres, std::span<const std::int32_t> centre_of) const;
  // Takes a point's coordinates, as its codes of eight bits have them, from others.
  void take_from(float* coordinates, std::int64_t point) const;
  // Makes a direction of the coordinates. Returns how far it goes.
  float encode(float* coordinates, std::int64_t lane, std::byte* block) const;

  int bits_ = 0;
  std::int64_t length_ = 0, lower_ = 0, groups_ = 0, scalars_ = 0, block_bytes_ = 0;  // lower: how many coordinates
  std::vector<float> low_, step_;  // a direction's coordinate is about low + step * code
  AlignedArray<std::byte> memory_;
  AlignedArray<float> numbers_;
  Scan scan_ = nullptr;
};

}  // namespace anear
