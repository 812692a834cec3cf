// Blocks of so many numbers each, to which others come, while those there are may be read.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/memory.h"

namespace anear {

template <class T>
class BlockArray {
 public:
  BlockArray() = default;
  // Not filled.
  BlockArray(std::int64_t each, std::int64_t count) : each_(each), count_(count), memory_(each * count) {}
  // Blocks that lie elsewhere, and are not written to.
  static BlockArray over(std::int64_t each, std::span<const T> numbers) {
    BlockArray blocks;
    blocks.each_ = each;
    blocks.count_ = static_cast<std::int64_t>(numbers.size()) / each;
    blocks.memory_ = AlignedArray<T>::over(numbers.data(), numbers.size());
    return blocks;
  }

  const T* block(std::int64_t i) const { return memory_.data() + i * each_; }
  T* block(std::int64_t i) { return memory_.data() + i * each_; }
  std::int64_t each() const { return each_; }
  std::int64_t count() const { return count_; }
  std::span<const T> all() const { return {memory_.data(), static_cast<std::size_t>(count_ * each_)}; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size() * sizeof(T)); }

  // Memory to which these can move that has room for `count` blocks; none where they may stay.
  AlignedArray<T> room(std::int64_t count) const {
    const std::int64_t size = count * each_;
    if (static_cast<std::size_t>(size) <= memory_.size() && !memory_.borrowed()) return {};
    return memory_.grown(size, count_ * each_);
  }
  // Has `count` blocks from now on, new ones all zeros. `room`: what room(count) gave; what is left behind afterwards.
  void extend(std::int64_t count, AlignedArray<T>& room) {
    if (room.size() > 0) std::swap(memory_, room);
    std::fill(block(count_), block(count), T{});
    count_ = count;
  }
  // Block i is a copy of block from[i], or all zeros where that is -1.
  BlockArray relaid(std::span<const std::int32_t> from) const {
    BlockArray blocks(each_, static_cast<std::int64_t>(from.size()));
    for (std::int64_t i = 0; i < blocks.count_; ++i) {
      if (from[i] < 0) {
        std::fill_n(blocks.block(i), each_, T{});
      } else {
        std::memcpy(blocks.block(i), block(from[i]), each_ * sizeof(T));
      }
    }
    return blocks;
  }

 private:
  std::int64_t each_ = 0, count_ = 0;
  AlignedArray<T> memory_;
};

}  // namespace anear
