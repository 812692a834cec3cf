// Every node can be reached: a tree of links that are never given up.
#pragma once
#include <cstdint>
#include <vector>

#include "graph/draft.h"

namespace anear {

// A tree over the nodes, from a root, whose edges are links of the graph. As long as it spans all nodes every one of
// them is found from the root on. A change that takes an edge away makes the node below an orphan, which is then given
// another parent: this costs what the change touches, and no walk through the whole graph.
class Reach {
 public:
  static constexpr std::int32_t kNone = -1;

  // Whether there is a tree from this root.
  bool is_from(std::int32_t root) const { return !parents_.empty() && root_ == root; }
  void forget() { parents_ = {}; }
  void resize(std::int64_t nodes) { parents_.resize(nodes, kNone); }
  std::int64_t bytes() const { return static_cast<std::int64_t>(parents_.size() * sizeof(std::int32_t)); }

  // The tree of all that can be reached from the root.
  void span(const Draft& draft, std::int32_t root);

  // Whether the node has a parent, or is the root. An orphan has none, but those below it do.
  bool has(std::int32_t node) const { return parents_[node] != kNone; }
  std::int32_t parent(std::int32_t node) const { return parents_[node]; }
  void orphan(std::int32_t node) { parents_[node] = kNone; }

  // Whether the way up from the node comes to the root, within so many steps.
  bool leads(std::int32_t node, std::int64_t steps) const;

  // Looks for a parent among those that the orphan links to and that link to it. `sure`: all nodes that have a parent
  // lead to the root. Then the orphans that can be reached from it are no orphans any more either.
  bool adopt(const Draft& draft, std::int32_t orphan, bool sure);
  // Sees to it that nobody is lost by a draft of rows that reach newcomers: they get a parent, and so do those that a
  // node has given up.
  void settle(Draft& draft, const std::int32_t* newcomers, std::int64_t count);
  // Makes `parent`, which leads to the root, or one below it, link to the orphan.
  void link(Draft& draft, std::int32_t parent, std::int32_t orphan);

 private:
  void become(const Draft& draft, std::int32_t parent, std::int32_t orphan);
  bool offer(Draft& draft, std::int32_t parent, std::int32_t orphan);
  bool is_edge(std::int32_t parent, std::int32_t node) const { return parents_[node] == parent && node != root_; }

  std::int32_t root_ = kNone;
  std::vector<std::int32_t> parents_, spread_;
};

}  // namespace anear
