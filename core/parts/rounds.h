// Queries that went down a hierarchy together look together at what else may hold answers.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "base/memory.h"
#include "parts/descent.h"
#include "result/hits.h"
#include "result/leaders.h"

namespace anear {

// What a look brings can't be guessed: a query alone would wait for each before it knew where to look next. So all of
// them choose, then all look, then all conclude, and while one waits the others' looks are under way. Each goes its own
// way, nearest cells first, as `Descent` does. Of each level a query has one node open, at first that on its way; the
// bits of `passing_` are the children of these, of level 0 first, that may be near enough and were not yet entered.
template <class Real>
class Rounds {
 public:
  static constexpr std::int64_t kTogether = Descent<Real>::kTogether;

  // What is asked of all of them. `admissions` are null where every point may be an answer.
  struct Asked {
    const PreparedQueries &bounds, &queries;
    std::int64_t first, count;
    Budget budget;
    const Admission* admissions;
  };

  // Has the leaders of queries [first, first + count), which `descent` started, list all that they can need. Tells what
  // those visited that came to their ends.
  Visits run(const Cells& cells, Descent<Real>& descent, const Asked& asked, Leaders<Real>* leaders) {
    cells_ = &cells;
    descent_ = &descent;
    asked_ = &asked;
    leaders_ = leaders;
    levels_ = cells.levels;
    words_ = (levels_ * cells.lanes + 63) / 64;
    most_leaves_ = Shortlist::kNumbers >> cells.shift;
    nodes_.ensure(kTogether * levels_);
    leaves_.ensure(kTogether * most_leaves_);
    begin();
    find_passing();
    while (go_on()) {
      look_at_leaves();
      look_at_nodes();
    }
    Visits all;
    for (std::int64_t i = 0; i < asked.count; ++i) {
      if (ended_[i]) all += visits(i);
    }
    return all;
  }

  // The same of none.
  void none() {
    begun_.fill(false);
    ended_.fill(false);
  }

  // Whether the i-th of them came to its end, having seen all that it may. Else what its leaders list is worth nothing:
  // it met values that are not finite, or too many leaves; in its own leaf, or after it had begun.
  bool ended(std::int64_t i) const { return ended_[i]; }
  bool begun(std::int64_t i) const { return begun_[i]; }
  // What it visited.
  Visits visits(std::int64_t i) const {
    Visits all = descent_->way_to(*cells_, descent_->leaf_of(*cells_, i));
    all += beside_[i];
    all.entered();
    return all;
  }
  // The leaves with what the leaders listed: number n is a point of leaf n / lanes of these.
  std::span<const PointId> leaves(std::int64_t i) const {
    return {leaves_.data() + i * most_leaves_, static_cast<std::size_t>(listed_[i])};
  }

 private:
  static constexpr std::int64_t kMostLanes = 64, kMostWords = 8;

  const std::byte* query(std::int64_t i) const { return asked_->queries.query(asked_->first + i); }
  const std::byte* bound_query(std::int64_t i) const { return asked_->bounds.query(asked_->first + i); }
  PointId& node(int level, std::int64_t i) { return nodes_.data()[i * levels_ + level]; }

  std::uint64_t points(std::int64_t i, std::int64_t leaf, std::uint64_t mask) const {
    mask &= points_of(*cells_, leaf);
    return asked_->admissions == nullptr ? mask
                                         : asked_->admissions[i].among(cells_->order + (leaf << cells_->shift), mask);
  }

  // The word and the first bit of a level's children.
  std::uint64_t& word(int level, std::int64_t i) { return passing_[(level << cells_->shift) / 64][i]; }
  int bit(int level) const { return (level << cells_->shift) % 64; }

  void begin() {
    const std::int64_t count = asked_->count;
    std::array<bool, kTogether> one{};
    for (std::int64_t i = 0; i < count; ++i) {
      const PointId leaf = static_cast<PointId>(descent_->leaf_of(*cells_, i));
      const std::uint64_t mask = points(i, leaf, ~std::uint64_t{0});
      const int lane = descent_->place_of(i) & static_cast<int>(cells_->lanes - 1);
      one[i] = leaders_[i].one() && (mask >> lane & 1) != 0;
      ended_[i] = one[i] ? leaders_[i].begin(descent_->values_of(i)[lane], lane)
                         : mask == 0 || leaders_[i].add(descent_->values_of(i), mask, 0);
      begun_[i] = ended_[i];
      listed_[i] = 1;
      leaves_.data()[i * most_leaves_] = leaf;
    }
    if (leaders_[0].one()) begin_others(one);
  }

  // Has leaders that began with `one` value add those that are hardly larger: mostly there are none, and that is known
  // for all at once.
  void begin_others(const std::array<bool, kTogether>& one) {
    std::array<Real, kTogether> limits{};
    for (std::int64_t i = 0; i < asked_->count; ++i) limits[i] = leaders_[i].limit();
    passing_rows_(descent_->values_of(0), descent_->stride(), cells_->lanes, asked_->count, limits.data(),
                  passing_[0].data());
    for (std::int64_t i = 0; i < asked_->count; ++i) {
      const std::uint64_t own = std::uint64_t{1} << (descent_->place_of(i) & (cells_->lanes - 1));
      if ((passing_[0][i] & ~own) == 0 || !one[i] || !ended_[i]) continue;
      const std::uint64_t others = points(i, descent_->leaf_of(*cells_, i), passing_[0][i] & ~own);
      begun_[i] = ended_[i] = others == 0 || leaders_[i].add(descent_->values_of(i), others, 0);
    }
  }

  // Which children of the nodes on the ways their queries' limits let pass; and the queries that have some.
  void find_passing() {
    std::array<Real, kTogether> limits{};
    for (std::int64_t i = 0; i < asked_->count; ++i) limits[i] = leaders_[i].node_limit();
    for (int w = 0; w < words_; ++w) {
      passing_rows_(descent_->bounds_of(*cells_, 0, 0) + 64 * w, descent_->stride(), lanes_of(w), asked_->count,
                    limits.data(), passing_[w].data());
    }
    const int top = levels_ - 1;
    whole_ = lane_mask(std::int64_t{top} << cells_->shift) | children(*cells_, top, 0) << (top << cells_->shift) % 64;
    beside_.fill({});
    left_.fill(asked_->budget.most - asked_->budget.spent({levels_, 1, 0}));
    active_ = 0;
    for (std::int64_t i = 0; i < asked_->count; ++i) {
      leave_out_way(i);
      going_[active_] = i;
      active_ += passes(i);
    }
    for (std::int64_t at = 0; at < active_; ++at) {
      const std::int64_t i = going_[at];
      const PointId leaf = leaves(i)[0];
      for (int level = 0; level < levels_; ++level) node(level, i) = leaf >> (level + 1) * cells_->shift;
    }
  }
  bool passes(std::int64_t i) const {
    std::uint64_t passing = passing_[0][i];
    for (int w = 1; w < words_; ++w) passing |= passing_[w][i];
    return passing != 0;
  }
  std::int64_t lanes_of(int w) const { return std::min<std::int64_t>(64, levels_ * cells_->lanes - 64 * w); }

  // Of what passes beside a query's way, the way itself and what is padding are left out.
  void leave_out_way(std::int64_t i) {
    const PointId leaf = leaves(i)[0];
    if (words_ == 1 && descent_->whole(leaf)) {
      passing_[0][i] &= ~descent_->way_of(i) & whole_;
      return;
    }
    for (int level = 0; level < levels_; ++level) {
      const std::uint64_t way = std::uint64_t{1} << (leaf >> level * cells_->shift & (cells_->lanes - 1));
      const std::uint64_t others = children(*cells_, level, leaf >> (level + 1) * cells_->shift) & ~way;
      word(level, i) &= ~((lane_mask(cells_->lanes) & ~others) << bit(level));
    }
  }

  // Which queries have somewhere to go on to: to a leaf, or first to a node; false: none has.
  bool go_on() {
    const std::uint64_t leaves = lane_mask(cells_->lanes);
    const std::int64_t count = active_;
    active_ = to_leaves_ = to_nodes_ = 0;
    for (std::int64_t at = 0; at < count; ++at) {
      const std::int64_t i = going_[at];
      const bool goes = passes(i) & (left_[i] > 0) & ended_[i], to_leaf = (passing_[0][i] & leaves) != 0;
      going_[active_] = i;
      leaf_bound_[to_leaves_] = i;
      node_bound_[to_nodes_] = i;
      active_ += goes;
      to_leaves_ += goes & to_leaf;
      to_nodes_ += goes & !to_leaf;
    }
    return active_ > 0;
  }

  // The nearest of the children that pass, of the node that is open at a level.
  std::int64_t choose(int level, std::int64_t i) {
    std::uint64_t& passing = word(level, i);
    const std::uint64_t left = passing >> bit(level) & lane_mask(cells_->lanes);
    const int lane = nearest(descent_->bounds_of(*cells_, level, i), left);
    passing ^= std::uint64_t{1} << (bit(level) + lane);
    const std::int64_t child = (std::int64_t{node(level, i)} << cells_->shift) + lane;
    prefetch_block(*cells_, level - 1, child);
    return child;
  }

  void look_at_leaves() {
    alignas(kAlignment) Real values[kTogether * kMostLanes];
    for (std::int64_t at = 0; at < to_leaves_; ++at) cell_[at] = choose(0, leaf_bound_[at]);
    for (std::int64_t at = 0; at < to_leaves_; ++at) {
      const std::int64_t i = leaf_bound_[at];
      found_[at] =
          look(cells_->filter, cells_->points, cell_[at], query(i), leaders_[i].limit(), values + at * cells_->lanes);
    }
    for (std::int64_t at = 0; at < to_leaves_; ++at) {
      const std::int64_t i = leaf_bound_[at];
      ++beside_[i].leaves;
      --left_[i];
      const std::uint64_t mask = points(i, cell_[at], found_[at]);
      if (mask != 0) list(i, cell_[at], values + at * cells_->lanes, mask);
    }
  }

  void list(std::int64_t i, std::int64_t leaf, const Real* values, std::uint64_t mask) {
    const Real before = leaders_[i].node_limit();
    const std::int64_t number = listed_[i];
    ended_[i] = number < most_leaves_ && leaders_[i].add(values, mask, number << cells_->shift);
    if (!ended_[i]) return;
    leaves_.data()[i * most_leaves_ + listed_[i]++] = static_cast<PointId>(leaf);
    prefetch_ids(*cells_, leaf);
    const Real limit = leaders_[i].node_limit();
    if (limit == before) return;
    for (int w = 0; w < words_; ++w) {
      if (passing_[w][i] == 0) continue;
      std::uint64_t near;
      passing_rows_(descent_->bounds_of(*cells_, 0, i) + 64 * w, 0, lanes_of(w), 1, &limit, &near);
      passing_[w][i] &= near;
    }
  }

  void look_at_nodes() {
    for (std::int64_t at = 0; at < to_nodes_; ++at) {
      const std::int64_t i = node_bound_[at];
      int w = 0;
      while (passing_[w][i] == 0) ++w;
      level_[at] = (64 * w + std::countr_zero(passing_[w][i])) >> cells_->shift;
      cell_[at] = choose(level_[at], i);
    }
    for (std::int64_t at = 0; at < to_nodes_; ++at) {
      const std::int64_t i = node_bound_[at];
      const int below = level_[at] - 1;
      found_[at] = look(cells_->bound, cells_->hierarchy.level(below), cell_[at], bound_query(i),
                        leaders_[i].node_limit(), descent_->bounds_of(*cells_, below, i));
    }
    for (std::int64_t at = 0; at < to_nodes_; ++at) {
      const std::int64_t i = node_bound_[at], count = child_count(*cells_, level_[at] - 1, cell_[at]);
      const int below = level_[at] - 1;
      ++beside_[i].nodes;
      beside_[i].settled += count;
      left_[i] -= asked_->budget.node;
      node(below, i) = static_cast<PointId>(cell_[at]);
      word(below, i) |= (found_[at] & lane_mask(count)) << bit(below);
    }
  }

  const Cells* cells_ = nullptr;
  Descent<Real>* descent_ = nullptr;
  const Asked* asked_ = nullptr;
  Leaders<Real>* leaders_ = nullptr;
  int levels_ = 0, words_ = 0;
  std::uint64_t whole_ = 0;  // the children that are no padding, on the way to a leaf of which only the top lacks some
  std::int64_t most_leaves_ = 0, active_ = 0, to_leaves_ = 0, to_nodes_ = 0;
  AlignedArray<PointId> nodes_, leaves_;
  std::array<std::array<std::uint64_t, kTogether>, kMostWords> passing_{};
  std::array<Visits, kTogether> beside_{};                 // visits beside the way
  std::array<std::int64_t, kTogether> left_{}, listed_{};  // of the budget; leaves
  std::array<bool, kTogether> begun_{}, ended_{};
  // Of a round: the queries that go on, where to, and what they find there.
  std::array<std::int64_t, kTogether> going_{}, leaf_bound_{}, node_bound_{}, cell_{};
  std::array<int, kTogether> level_{};
  std::array<std::uint64_t, kTogether> found_{};
  PassingRows<Real> passing_rows_ = passing_rows<Real>();
};

}  // namespace anear
