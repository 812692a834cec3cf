// A graph that points come into and leave while others search it.
//
// Changes are worked out beside the graph, which stays as it is for searches, and written while nobody is inside. What a
// change makes does not depend on threads, nor on searches: the same changes in the same order make the same graph.
#pragma once
#include <cstdint>
#include <vector>

#include "base/gate.h"
#include "graph/grow.h"
#include "graph/layers.h"
#include "graph/repair.h"
#include "index/alive.h"

namespace anear {

// How a method's graph takes in points.
struct Upkeep {
  std::int64_t neighbours;  // of a point that comes in
  std::int64_t width;       // of the walk that finds them
  Pruning pruning;
  double share = 0;  // of a level's nodes that are on the next one too; 0: there are no levels
  std::uint64_t seed = 0;
  bool beside = false;  // codes of the neighbours are kept beside each point, for as long as none comes or goes
};

class GraphLife {
 public:
  GraphLife(Graph& graph, const Alive& alive, const GraphPoints& points, const Upkeep& upkeep, Gate& gate, int threads,
            Progress& progress)
      : graph_(graph),
        alive_(alive),
        points_(points),
        upkeep_(upkeep),
        gate_(gate),
        threads_(threads),
        progress_(progress) {}

  // What a graph still needs that has just been made: every point is to be reached from its root.
  void finish();
  // Links points from `first` on, which are not alive yet. What is thrown leaves the graph without them.
  void add(std::int64_t first, std::int64_t last);
  // Unlinks points, which `alive` says are alive until this has returned.
  void remove(const std::vector<std::int32_t>& gone);

 private:
  bool lives(std::int32_t point) const { return alive_[point] || (point >= coming_ && point < come_); }
  Level level(std::size_t number);
  Present present(std::size_t number) const;
  std::int64_t live(std::size_t number) const;
  Growth growth(std::size_t number, const Living& living) const;
  double share_of(std::size_t number) const;
  bool rises(std::int32_t point, double share) const;
  void prepare();
  void ensure(std::size_t number);
  void connect();
  void insert(std::int64_t first, std::int64_t last);
  void insert_above(std::vector<std::int32_t> points);
  bool raise(std::int64_t count);
  void clear();
  void move_entries(const NodeSet& gone);
  void forget();

  Graph& graph_;
  const Alive& alive_;
  const GraphPoints& points_;
  const Upkeep& upkeep_;
  Gate& gate_;
  int threads_;
  Progress& progress_;
  std::int64_t coming_ = 0, come_ = 0;  // points that are being added
};

}  // namespace anear
