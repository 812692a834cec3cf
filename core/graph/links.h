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
    ids_ = memory_.data();
  }

  // Links in memory that another keeps, perhaps a file: they may be anything, change under way, and are not written to.
  static Links over(const std::int32_t* ids, std::int64_t nodes, std::int64_t degree) {
    Links links;
    links.nodes_ = nodes;
    links.degree_ = degree;
    links.ids_ = const_cast<std::int32_t*>(ids);
    return links;
  }

  // Copies what another keeps, as far as it leads to nodes: to be called before a node's neighbours are changed. From
  // then on there is no need to ask where a link leads. False if something had to be left out.
  bool own() {
    if (owned()) return true;
    bool whole = true;
    std::int32_t* out = memory_.ensure(nodes_ * degree_);
    for (std::int64_t node = 0; node < nodes_; ++node, out += degree_) {
      const std::int32_t* ids = row(node);
      std::int64_t count = 0;
      for (std::int32_t id = 0; count < degree_ && leads(id = ids[count]); ++count) out[count] = id;
      std::fill(out + count, out + degree_, kNone);
      whole = whole && std::all_of(ids + count, ids + degree_, [](std::int32_t id) { return id == kNone; });
    }
    ids_ = memory_.data();
    return whole;
  }

  bool owned() const { return ids_ == memory_.data(); }

  std::int64_t nodes() const { return nodes_; }
  std::int64_t degree() const { return degree_; }
  std::int32_t* row(std::int64_t node) { return ids_ + node * degree_; }
  const std::int32_t* row(std::int64_t node) const { return ids_ + node * degree_; }
  std::int64_t bytes() const { return nodes_ * degree_ * static_cast<std::int64_t>(sizeof(std::int32_t)); }

  // Whether an entry of a row is a node. Walks ask this and not for `kNone`, at the same cost: so no damaged file makes
  // them leave the graph.
  bool leads(std::int32_t id) const { return static_cast<std::uint32_t>(id) < static_cast<std::uint32_t>(nodes_); }

  // How many neighbours a node has.
  std::int64_t count(std::int64_t node) const {
    const std::int32_t* ids = row(node);
    return std::find_if(ids, ids + degree_, [&](std::int32_t id) { return !leads(id); }) - ids;
  }

  // Room for more nodes, which have no neighbours yet.
  void extend(std::int64_t nodes) {
    own();
    const std::int64_t before = nodes_ * degree_, now = nodes * degree_;
    ids_ = memory_.grow(now, before);
    std::fill_n(memory_.data() + before, now - before, kNone);
    nodes_ = nodes;
  }

  // No node has neighbours any more.
  void clear() {
    own();
    std::fill_n(memory_.data(), nodes_ * degree_, kNone);
  }

  // Sets a node's neighbours, at most `degree`.
  void set(std::int64_t node, const std::vector<std::int32_t>& neighbours) {
    std::int32_t* ids = row(node);
    std::fill(std::copy(neighbours.begin(), neighbours.end(), ids), ids + degree_, kNone);
  }

 private:
  std::int64_t nodes_ = 0, degree_ = 0;
  std::int32_t* ids_ = nullptr;
  AlignedArray<std::int32_t> memory_;
};

}  // namespace anear
