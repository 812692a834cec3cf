// Who is linked to whom: a row of at most `degree` neighbours for each node, in one piece of memory.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/memory.h"

namespace anear {

class Links {
 public:
  static constexpr std::int32_t kNone = -1;  // after a node's last neighbour

  Links() = default;
  Links(std::int64_t nodes, std::int64_t degree) : nodes_(nodes), degree_(degree) {
    std::fill_n(memory_.ensure(nodes * degree), nodes * degree, kNone);
  }

  std::int64_t nodes() const { return nodes_; }
  std::int64_t degree() const { return degree_; }
  std::int32_t* row(std::int64_t node) { return memory_.data() + node * degree_; }
  const std::int32_t* row(std::int64_t node) const { return memory_.data() + node * degree_; }
  std::int64_t bytes() const { return static_cast<std::int64_t>(memory_.size() * sizeof(std::int32_t)); }

  // How many neighbours a node has.
  std::int64_t count(std::int64_t node) const {
    const std::int32_t* ids = row(node);
    return std::find(ids, ids + degree_, kNone) - ids;
  }

  // Sets a node's neighbours, at most `degree`.
  void set(std::int64_t node, const std::vector<std::int32_t>& neighbours) {
    std::int32_t* ids = row(node);
    std::fill(std::copy(neighbours.begin(), neighbours.end(), ids), ids + degree_, kNone);
  }

 private:
  std::int64_t nodes_ = 0, degree_ = 0;
  AlignedArray<std::int32_t> memory_;
};

}  // namespace anear
