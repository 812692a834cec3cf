// Which points of an index have been removed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/point_id.h"
#include "index/stored.h"

namespace anear {

class Alive {
 public:
  explicit Alive(std::int64_t points = 0) : points_(points), count_(points) {}
  // As `flags` gave them.
  explicit Alive(std::vector<std::uint8_t> flags) : flags_(std::move(flags)) {
    points_ = static_cast<std::int64_t>(flags_.size());
    for (std::uint8_t& flag : flags_) count_ += flag = flag != 0 ? 1 : 0;
  }

  std::int64_t points() const { return points_; }
  std::int64_t count() const { return count_; }
  bool all() const { return count_ == points_; }
  bool operator[](std::int64_t point) const { return flags_.empty() || flags_[point] != 0; }
  // A byte a point; empty while no point has ever been anything but alive.
  const std::vector<std::uint8_t>& flags() const { return flags_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(flags_.size()); }

  // Throws ArgumentError if one of the points, in ascending order, is not alive, or there twice.
  void check_removal(const std::vector<PointId>& gone) const {
    for (std::size_t i = 0; i < gone.size(); ++i) {
      const bool there = gone[i] < points_ && (*this)[gone[i]];
      require(there && (i == 0 || gone[i] != gone[i - 1]),
              [&] { return "point " + std::to_string(gone[i]) + " is not there to be removed"; });
    }
  }

  // New points are not alive before they are set.
  void resize(std::int64_t points) {
    if (flags_.empty()) flags_.assign(points_, 1);
    flags_.resize(points, 0);
    points_ = points;
  }

  void set(std::int64_t point, bool alive) {
    if (flags_.empty()) flags_.assign(points_, 1);
    count_ += static_cast<int>(alive) - static_cast<int>(flags_[point]);
    flags_[point] = alive ? 1 : 0;
  }

  // Bit i: point i is alive, and allowed if `allowed` says something (bits of the first `known` points).
  std::vector<std::uint8_t> admitted(const std::uint8_t* allowed, std::int64_t known) const {
    std::vector<std::uint8_t> bits((points_ + 7) / 8, 0);
    for (std::int64_t i = 0; i < points_; ++i) {
      const bool may = allowed == nullptr || (i < known && (allowed[i >> 3] >> (i & 7) & 1) != 0);
      if (may && (*this)[i]) bits[i >> 3] |= static_cast<std::uint8_t>(1u << (i & 7));
    }
    return bits;
  }

 private:
  std::vector<std::uint8_t> flags_;
  std::int64_t points_ = 0, count_ = 0;
};

// What was stored of `points` points, all of them alive where nothing was. Throws ArgumentError if it is of others.
inline Alive stored_alive(const Stored& stored, std::int64_t points) {
  const Part* alive = stored.find("alive");
  if (alive == nullptr) return Alive(points);
  require(alive->size() == points,
          "'alive' has " + std::to_string(alive->size()) + " numbers for " + std::to_string(points) + " points");
  return Alive({alive->bytes(), alive->bytes() + alive->size()});
}

inline void add_part(const Alive& alive, std::vector<Part>& parts) {
  if (!alive.all()) parts.push_back({"alive", PartType::uint8, alive.points(), 0, alive.flags().data()});
}

}  // namespace anear
