// What a walk through a graph keeps: the best nodes met, which of them it has been to, and which it has seen at all.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
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
};

// A set of nodes that is emptied in the time its members take.
class Seen {
 public:
  void reset(std::int64_t nodes) {
    for (const std::int32_t node : members_) words_[node >> 6] = 0;
    members_.clear();
    const auto words = static_cast<std::size_t>((nodes + 63) / 64);
    if (words_.size() < words) words_.resize(words, 0);
  }

  // Whether the node is new; it is in the set from now on.
  bool add(std::int32_t node) {
    const std::uint64_t bit = std::uint64_t{1} << (node & 63);
    if ((words_[node >> 6] & bit) != 0) return false;
    words_[node >> 6] |= bit;
    members_.push_back(node);
    return true;
  }

  std::size_t size() const { return members_.size(); }

 private:
  std::vector<std::uint64_t> words_;
  std::vector<std::int32_t> members_;
};

}  // namespace anear
