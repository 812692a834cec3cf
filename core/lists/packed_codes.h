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
#include "lists/block_array.h"
#include "lists/frame.h"

namespace anear {

inline constexpr std::int64_t kCodeLanes = 16;  // points of a block
inline constexpr std::int64_t kGroupBytes = 4 * kCodeLanes;
inline constexpr int kHalf = 15;  // the largest number of four bits

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

class PackedCodes;

// Values and masks of a piece; see PackedCodes::scan.
using PackedScan = void (*)(const PackedCodes&, const FrameQuery&, const PackedQuery&, const CodePiece&, float*,
                            std::uint16_t*);

// Which codes stand for what lies between a point and a centre: those of lane i and centre of[i] of `centres`.
struct Origins {
  const PackedCodes* centres = nullptr;  // null: for the points themselves
  std::span<const std::int32_t> of;
};

class PackedCodes {
 public:
  PackedCodes() = default;
  // Block b holds the rows ids[16 b] and on; kNobody: none.
  PackedCodes(const Frame& frame, int bits, const Rows& rows, std::span<const PointId> ids, const Origins& origins,
              int threads, Progress& progress);
  // Codes that were made before, which stay where they are. Throws ArgumentError if they are of other sizes.
  PackedCodes(const Frame& frame, int bits, std::int64_t blocks, const MadePackedCodes& made);
  // Codes of other rows that mean what these mean. What lies outside of what those were fitted to becomes the nearest
  // there is; a point that is farther from its centre than `reach` has no code: whatever is asked, its value is NaN.
  PackedCodes alike(const Frame& frame, const Rows& rows, std::span<const PointId> ids, const Origins& origins,
                    float reach, int threads, Progress& progress) const;

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

  const std::byte* block(std::int64_t i) const { return blocks_.block(i); }
  // How far the points of a block lie from the centre, then their scalars.
  const float* numbers_of(std::int64_t i) const { return numbers_.block(i); }
  int bits() const { return bits_; }
  std::int64_t groups() const { return groups_; }  // of four bytes a point
  std::int64_t scalars() const { return scalars_; }
  std::int64_t block_bytes() const { return blocks_.each(); }
  std::int64_t blocks() const { return blocks_.count(); }
  std::int64_t bytes() const { return blocks_.bytes() + numbers_.bytes(); }
  MadePackedCodes made() const { return {blocks_.all(), numbers_.all(), low_, step_}; }

  // How far a point may lie from its centre without being unlike all these; kNobody does not count.
  float usual_reach(std::span<const PointId> ids) const;

  // Memory for more blocks; see BlockArray.
  struct Room {
    AlignedArray<std::byte> blocks;
    AlignedArray<float> numbers;
  };
  Room room(std::int64_t blocks) const { return {blocks_.room(blocks), numbers_.room(blocks)}; }
  void extend(std::int64_t blocks, Room& room) {
    blocks_.extend(blocks, room.blocks);
    numbers_.extend(blocks, room.numbers);
  }
  // A lane's code becomes that of another's.
  void put(std::int64_t lane, const PackedCodes& from, std::int64_t other);
  PackedCodes relaid(std::span<const std::int32_t> from) const;

 private:
  void shape(const Frame& frame, int bits);
  PackedCodes without_blocks() const;
  void fit(std::span<const float> sample);
  std::vector<float> sampled(const Frame& frame, const Rows& rows, std::span<const PointId> ids,
                             const Origins& origins) const;
  void fill(const Frame& frame, const Rows& rows, std::span<const PointId> ids, const Origins& origins, int threads,
            Progress& progress);
  // Takes a point's coordinates, as its codes of eight bits have them, from others.
  void take_from(float* coordinates, std::int64_t point) const;
  // Makes a direction of the coordinates. Returns how far it goes.
  float encode(float* coordinates, std::int64_t lane, std::byte* block) const;

  int bits_ = 0;
  std::int64_t length_ = 0, lower_ = 0, groups_ = 0, scalars_ = 0;  // lower: how many coordinates
  std::vector<float> low_, step_;  // a direction's coordinate is about low + step * code
  BlockArray<std::byte> blocks_;
  BlockArray<float> numbers_;
  PackedScan scan_ = nullptr;
};

}  // namespace anear
