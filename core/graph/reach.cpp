#include "graph/reach.h"

#include "base/chance.h"

namespace anear {
void Reach::span(const Draft& draft, std::int32_t root) {
  parents_.assign(draft.nodes(), kNone);
  root_ = root;
  if (root < 0) return;
  parents_[root] = root;
  std::vector<std::int32_t> queue{root};
  for (std::size_t next = 0; next < queue.size(); ++next) {
    const std::int32_t* row = draft.row(queue[next]);
    for (std::int64_t i = 0; i < draft.degree() && row[i] != Links::kNone; ++i) {
      if (has(row[i])) continue;
      parents_[row[i]] = queue[next];
      queue.push_back(row[i]);
    }
  }
}

bool Reach::leads(std::int32_t node, std::int64_t steps) const {
  for (; steps > 0; --steps) {
    if (node == root_) return true;
    node = parents_[node];
    if (node == kNone) return false;
  }
  return false;
}

bool Reach::adopt(const Draft& draft, std::int32_t orphan, bool sure) {
  constexpr std::int64_t kSteps = 1 << 20;
  const std::int32_t* row = draft.row(orphan);
  for (std::int64_t i = 0; i < draft.degree() && row[i] != Links::kNone; ++i) {
    if (!has(row[i]) || !draft.has(row[i], orphan) || !(sure || leads(row[i], kSteps))) continue;
    become(draft, row[i], orphan);
    return true;
  }
  return false;
}

void Reach::settle(Draft& draft, const std::int32_t* newcomers, std::int64_t count) {
  struct Lost {
    std::int32_t node, parent;
  };
  std::vector<Lost> lost;
  for (const std::int32_t node : draft.opened()) {
    const std::int32_t* row = draft.links().row(node);
    for (std::int64_t i = 0; i < draft.degree() && row[i] != Links::kNone; ++i) {
      if (is_edge(node, row[i]) && !draft.has(node, row[i])) lost.push_back({row[i], node});
    }
  }
  for (const Lost& one : lost) orphan(one.node);
  for (const Lost& one : lost) {
    if (!has(one.node)) adopt(draft, one.node, false);
  }
  // The others go back to where they were. All become children first and linked then: so everybody leads to the root
  // before the first newcomer takes a place.
  std::erase_if(lost, [&](const Lost& one) { return has(one.node); });
  for (const Lost& one : lost) parents_[one.node] = one.parent;
  for (const Lost& one : lost) link(draft, one.parent, one.node);
  for (std::int64_t i = 0; i < count; ++i) {
    if (has(newcomers[i]) || adopt(draft, newcomers[i], true)) continue;
    const std::int32_t nearest = draft.row(newcomers[i])[0];
    link(draft, nearest != Links::kNone && has(nearest) ? nearest : root_, newcomers[i]);
  }
}

void Reach::become(const Draft& draft, std::int32_t parent, std::int32_t orphan) {
  parents_[orphan] = parent;
  spread_.assign(1, orphan);
  while (!spread_.empty()) {
    const std::int32_t node = spread_.back();
    spread_.pop_back();
    const std::int32_t* row = draft.row(node);
    for (std::int64_t i = 0; i < draft.degree() && row[i] != Links::kNone; ++i) {
      if (has(row[i])) continue;
      parents_[row[i]] = node;
      spread_.push_back(row[i]);
    }
  }
}

void Reach::link(Draft& draft, std::int32_t parent, std::int32_t orphan) {
  for (std::uint64_t step = 0; !offer(draft, parent, orphan); ++step) {
    // All its links are edges: it has `degree` children, and somewhere below them is one that has fewer. Going to the
    // same child always would make a tree as deep as it has nodes.
    parent = draft.row(parent)[chance_below(static_cast<std::uint64_t>(orphan), step, draft.degree())];
  }
}

// Links to the orphan if a link is left for it, or one that is no edge.
bool Reach::offer(Draft& draft, std::int32_t parent, std::int32_t orphan) {
  if (!draft.has(parent, orphan)) {
    const std::int32_t* row = draft.row(parent);
    std::int64_t place = draft.count(parent);
    if (place == draft.degree()) {
      do --place;
      while (place >= 0 && is_edge(parent, row[place]));
    }
    if (place < 0) return false;
    draft.open(parent)[place] = orphan;
  }
  become(draft, parent, orphan);
  return true;
}

}  // namespace anear
