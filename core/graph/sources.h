// Who links to a node: what a removal asks.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "graph/links.h"

namespace anear {

// Of each node those that have, or had, a link to it. A link that goes leaves its entry behind, and whoever asks looks at
// the row as well; all is made anew when a quarter as many came as there were. So a change costs what it touches. It is
// made only after some removals had to look through all links, and takes about as much memory as these.
class Sources {
 public:
  void forget() { *this = {}; }
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(last_.capacity() * sizeof(std::int32_t) + entries_.capacity() * sizeof(Entry));
  }

  // Whether `of` is to be asked for so many nodes, and not all links looked through.
  bool serve(const Links& links, std::int64_t asked) {
    if (asked * kLinksForOne > links.nodes()) return false;
    if (last_.empty() && ++scans_ > kScans) make(links);
    if (last_.empty()) return false;
    last_.resize(links.nodes(), kNone);
    return true;
  }

  // The nodes that link to a node, behind those that are in `found`, perhaps twice.
  void of(const Links& links, std::int32_t node, std::vector<std::int32_t>& found) const {
    for (std::int32_t at = last_[node]; at != kNone; at = entries_[at].before) {
      const std::int32_t* row = links.row(entries_[at].source);
      if (std::find(row, row + links.degree(), node) != row + links.degree()) found.push_back(entries_[at].source);
    }
  }

  // A node's row will be this one.
  void change(const Links& links, std::int32_t node, const std::int32_t* row) {
    if (last_.empty()) return;
    last_.resize(links.nodes(), kNone);
    const std::int32_t* before = links.row(node);
    for (std::int64_t i = 0; i < links.degree() && row[i] != Links::kNone; ++i) {
      if (std::find(before, before + links.degree(), row[i]) == before + links.degree()) put(node, row[i]);
    }
  }

  // After rows have changed.
  void changed(const Links& links) {
    if (static_cast<std::int64_t>(entries_.size()) > most_) make(links);
  }

 private:
  struct Entry {
    std::int32_t source, before;  // of the same node
  };

  static constexpr std::int32_t kNone = -1;
  static constexpr std::int64_t kLinksForOne = 256;  // rows are looked through in the time that one node is asked for
  static constexpr int kScans = 8;                   // take as long as making it

  void make(const Links& links) {
    std::int64_t count = 0;
    for (std::int64_t node = 0; node < links.nodes(); ++node) count += links.count(node);
    forget();
    most_ = count + count / 4 + links.nodes();
    constexpr std::int64_t kNumbers = std::numeric_limits<std::int32_t>::max();
    if (most_ + links.nodes() * links.degree() > kNumbers) return;  // one change may put so many more
    entries_.reserve(most_);
    last_.assign(links.nodes(), kNone);
    for (std::int64_t node = 0; node < links.nodes(); ++node) {
      const std::int32_t* row = links.row(node);
      for (std::int64_t i = 0; i < links.degree() && row[i] != Links::kNone; ++i) {
        put(static_cast<std::int32_t>(node), row[i]);
      }
    }
  }

  void put(std::int32_t source, std::int32_t node) {
    entries_.push_back({source, last_[node]});
    last_[node] = static_cast<std::int32_t>(entries_.size()) - 1;
  }

  std::vector<std::int32_t> last_;  // the last entry of each node; empty: it is not made
  std::vector<Entry> entries_;
  std::int64_t most_ = 0;  // entries before all is made anew
  int scans_ = 0;
};

// Some nodes of many.
class NodeSet {
 public:
  NodeSet(std::vector<std::int32_t> members, std::int64_t nodes) : sorted_(std::move(members)) {
    std::sort(sorted_.begin(), sorted_.end());
    if (sorted_.size() < kFew) return;
    flags_.assign(nodes, 0);
    for (const std::int32_t node : sorted_) flags_[node] = 1;
  }

  const std::vector<std::int32_t>& sorted() const { return sorted_; }
  bool has(std::int32_t node) const {
    return flags_.empty() ? std::binary_search(sorted_.begin(), sorted_.end(), node) : flags_[node] != 0;
  }

 private:
  static constexpr std::size_t kFew = 32;  // are not worth a byte for every node
  std::vector<std::int32_t> sorted_;
  std::vector<std::uint8_t> flags_;
};

}  // namespace anear
