// The k nearest known neighbours of every node, while they are being improved.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "graph/beam.h"

namespace anear {

template <class Real>
class KnnTable {
 public:
  KnnTable(std::int64_t nodes, std::int64_t k)
      : nodes_(nodes),
        k_(k),
        spots_(nodes * k, {std::numeric_limits<Real>::infinity(), std::numeric_limits<std::int32_t>::max()}),
        fresh_(nodes * k, 0) {}

  std::int64_t nodes() const { return nodes_; }
  std::int64_t k() const { return k_; }
  // A node's neighbours, sorted by (value, node).
  const Spot<Real>* row(std::int64_t node) const { return spots_.data() + node * k_; }
  // How many of them there are.
  std::int64_t count(std::int64_t node) const {
    const Spot<Real>* spots = row(node);
    return std::find_if(spots, spots + k_, [](const Spot<Real>& spot) { return nobody(spot); }) - spots;
  }
  static bool nobody(const Spot<Real>& spot) { return spot.node == std::numeric_limits<std::int32_t>::max(); }
  // For each neighbour whether it is new; whoever looks at it makes it old.
  std::uint8_t* fresh(std::int64_t node) { return fresh_.data() + node * k_; }

  // Whether the spot would enter the node's row, if it is not there yet. False for NaN.
  bool wants(std::int64_t node, const Spot<Real>& spot) const { return spot < spots_[(node + 1) * k_ - 1]; }

  // Whether it has entered. What a row holds in the end does not depend on the order of offers.
  bool offer(std::int64_t node, const Spot<Real>& spot) {
    if (!wants(node, spot)) return false;
    Spot<Real>* spots = spots_.data() + node * k_;
    for (std::int64_t i = 0; i < k_; ++i) {
      if (spots[i].node == spot.node) return false;
    }
    std::uint8_t* flags = fresh(node);
    const std::int64_t at = std::upper_bound(spots, spots + k_, spot) - spots;
    std::copy_backward(spots + at, spots + k_ - 1, spots + k_);
    std::copy_backward(flags + at, flags + k_ - 1, flags + k_);
    spots[at] = spot;
    flags[at] = 1;
    return true;
  }

 private:
  std::int64_t nodes_, k_;
  std::vector<Spot<Real>> spots_;
  std::vector<std::uint8_t> fresh_;
};

}  // namespace anear
