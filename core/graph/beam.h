// What a walk through a graph keeps: the best nodes met, which of them it has been to, and which it has seen at all.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace anear {

template <class Real>
struct Spot {
  Real value;
  std::int32_t node;
  friend bool operator<(const Spot& a, const Spot& b) {
    return a.value < b.value || (a.value == b.value && a.node < b.node);
  }
};

// The `width` best nodes met, sorted; some have been visited. A sorted array beats a heap at these widths: nearly all
// that comes in lands near the end or is turned away.
template <class Real>
class Beam {
 public:
  void reset(std::size_t width) {
    width_ = width;
    spots_.resize(width + 1);
    visited_.resize(width + 1);
    size_ = next_ = 0;
  }

  std::size_t size() const { return size_; }
  bool full() const { return size_ == width_; }
  const Spot<Real>& operator[](std::size_t i) const { return spots_[i]; }
  const Spot<Real>* begin() const { return spots_.data(); }
  const Spot<Real>* end() const { return spots_.data() + size_; }

  // Whether a node of this value would stay. False for NaN.
  bool wants(Real value) const { return size_ < width_ ? value == value : value < spots_[size_ - 1].value; }

  // Whatever is below it stays.
  Real limit() const { return size_ < width_ ? std::numeric_limits<Real>::infinity() : spots_[size_ - 1].value; }

  void add(Real value, std::int32_t node) {
    if (!wants(value)) return;
    const Spot<Real> spot{value, node};
    const std::size_t at = place(value);
    const std::size_t moved = std::min(size_, width_ - 1) - at;
    std::memmove(static_cast<void*>(spots_.data() + at + 1), spots_.data() + at, moved * sizeof(spot));
    std::memmove(visited_.data() + at + 1, visited_.data() + at, moved);
    spots_[at] = spot;
    visited_[at] = 0;
    size_ = std::min(size_ + 1, width_);
    next_ = std::min(next_, at);
  }

  // Takes in those that stay. Once it is full most do not: which, is found without a branch for each.
  void add(const Real* values, const std::int32_t* nodes, std::int64_t n) {
    std::int64_t i = 0;
    for (; i < n && !full(); ++i) add(values[i], nodes[i]);
    if (i == n || size_ == 0) return;
    if (static_cast<std::int64_t>(wanted_.size()) < n) wanted_.resize(n);
    const Real limit = spots_[size_ - 1].value;
    std::int64_t count = 0;
    for (; i < n; ++i) {
      wanted_[count] = static_cast<std::int32_t>(i);
      count += values[i] < limit ? 1 : 0;
    }
    for (std::int64_t j = 0; j < count; ++j) add(values[wanted_[j]], nodes[wanted_[j]]);
  }

  // The best node that was not visited yet, which it is from now on; -1 if there is none.
  std::int32_t visit() {
    while (next_ < size_ && visited_[next_] != 0) ++next_;
    if (next_ == size_) return -1;
    visited_[next_] = 1;
    return spots_[next_++].node;
  }

  // The value of the node that `visit` has just returned.
  Real visiting() const { return spots_[next_ - 1].value; }

  // The node that the next `visit` returns if nothing better comes in; -1 if there is none.
  std::int32_t upcoming() const {
    std::size_t i = next_;
    while (i < size_ && visited_[i] != 0) ++i;
    return i < size_ ? spots_[i].node : -1;
  }

 private:
  // Behind all that are not farther. Halving without branches: which half is a coin toss that a processor cannot guess.
  std::size_t place(Real value) const {
    const Spot<Real>* first = spots_.data();
    for (std::size_t count = size_; count > 0;) {
      const std::size_t half = (count + 1) / 2;
      first += first[half - 1].value <= value ? half : 0;
      count -= half;
    }
    return static_cast<std::size_t>(first - spots_.data());
  }

  std::size_t width_ = 0, size_ = 0, next_ = 0;
  std::vector<Spot<Real>> spots_;
  std::vector<std::uint8_t> visited_;
  std::vector<std::int32_t> wanted_;
};

// A set of nodes that is emptied in the time its members take, and tells those that were added since a moment.
class Seen {
 public:
  void reset(std::int64_t nodes) {
    for (std::size_t i = 0; i < size_; ++i) words_[members_[i] >> 6] = 0;
    size_ = moment_ = 0;
    const auto words = static_cast<std::size_t>((nodes + 63) / 64);
    if (words_.size() < words) words_.resize(words, 0);
  }

  // From now on, at most so many are added up to the next such moment.
  void from_now(std::int64_t most) {
    moment_ = size_;
    if (members_.size() < size_ + most) members_.resize(2 * (size_ + most));
  }

  // Without a branch: whether a node is new is as good as a coin toss.
  void add(std::int32_t node) {
    std::uint64_t& word = words_[node >> 6];
    const std::uint64_t bit = std::uint64_t{1} << (node & 63);
    members_[size_] = node;
    size_ += (word & bit) == 0 ? 1 : 0;
    word |= bit;
  }

  // The new ones.
  const std::int32_t* fresh() const { return members_.data() + moment_; }
  std::int64_t count() const { return static_cast<std::int64_t>(size_ - moment_); }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::int32_t> members_;
  std::size_t size_ = 0, moment_ = 0;
};

}  // namespace anear
