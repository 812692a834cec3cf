// Rows of links as they will be: worked out while searches walk through the rows as they are, then written at once.
#pragma once
#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/gate.h"
#include "graph/links.h"
#include "graph/sources.h"

namespace anear {

class Draft {
 public:
  explicit Draft(Links& links) : links_(links) {}

  const Links& links() const { return links_; }
  std::int64_t degree() const { return links_.degree(); }
  std::int64_t nodes() const { return links_.nodes(); }

  // The nodes whose rows may have changed, in the order in which they were opened.
  const std::vector<std::int32_t>& opened() const { return opened_; }

  // The row of a node, to be changed: at first as it is. Rows stay where they are until the next one is opened.
  std::int32_t* open(std::int32_t node) {
    const auto [found, fresh] = places_.try_emplace(node, static_cast<std::int64_t>(opened_.size()));
    if (fresh) {
      opened_.push_back(node);
      const std::int32_t* row = links_.row(node);
      rows_.insert(rows_.end(), row, row + degree());
    }
    return rows_.data() + found->second * degree();
  }

  // The row of an opened node.
  std::int32_t* at(std::int64_t place) { return rows_.data() + place * degree(); }

  const std::int32_t* row(std::int32_t node) const {
    if (places_.empty()) return links_.row(node);
    const auto found = places_.find(node);
    return found == places_.end() ? links_.row(node) : rows_.data() + found->second * degree();
  }

  std::int64_t count(std::int32_t node) const {
    const std::int32_t* ids = row(node);
    return std::find(ids, ids + degree(), Links::kNone) - ids;
  }

  bool has(std::int32_t node, std::int32_t neighbour) const {
    const std::int32_t* ids = row(node);
    return std::find(ids, ids + degree(), neighbour) != ids + degree();
  }

  // Sets an opened row.
  void set(std::int32_t* row, const std::vector<std::int32_t>& neighbours) const {
    std::fill(std::copy(neighbours.begin(), neighbours.end(), row), row + degree(), Links::kNone);
  }

  // Makes the links what the draft says; what is drafted next begins from there.
  void write(Gate& gate, Sources& sources) {
    for (std::size_t i = 0; i < opened_.size(); ++i)
      sources.change(links_, opened_[i], at(static_cast<std::int64_t>(i)));
    {
      const Gate::Alone alone(gate);
      for (std::size_t i = 0; i < opened_.size(); ++i) {
        std::copy_n(rows_.data() + static_cast<std::int64_t>(i) * degree(), degree(), links_.row(opened_[i]));
      }
    }
    sources.changed(links_);
    places_.clear();
    opened_.clear();
    rows_.clear();
  }

 private:
  Links& links_;
  std::unordered_map<std::int32_t, std::int64_t> places_;
  std::vector<std::int32_t> opened_, rows_;
};

}  // namespace anear
