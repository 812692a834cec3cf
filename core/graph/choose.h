// Which of many near nodes become neighbours.
#pragma once
#include <cstdint>
#include <vector>

#include "graph/beam.h"
#include "graph/walk.h"

namespace anear {

// Of candidates sorted by (value, node): each in turn, unless one that was taken before is nearer to it than the node
// that they are candidates of (the pruning of relative neighbourhood graphs). Only ranks are compared, never scaled: the
// rule means the same under every formula.
template <class Real>
class Chooser {
 public:
  const std::vector<std::int32_t>& operator()(const Spot<Real>* candidates, std::size_t count, std::size_t most,
                                              const Estimate& estimate, const Rows& objects,
                                              const std::vector<std::int32_t>& nodes, Scorer<Real>& scorer) {
    chosen_.clear();
    left_.assign(candidates, candidates + count);
    while (!left_.empty()) {
      const std::int32_t node = left_.front().node;
      chosen_.push_back(node);
      left_.erase(left_.begin());
      if (chosen_.size() == most || left_.empty()) break;
      ids_.clear();
      for (const Spot<Real>& spot : left_) ids_.push_back(spot.node);
      const std::int32_t point = nodes.empty() ? node : nodes[node];
      query_.prepare(estimate.kernels(), estimate.parameters.data(), objects, point, 1, 1);
      scorer.at(query_.query(0));
      const Real* values = scorer(ids_.data(), static_cast<std::int64_t>(ids_.size()));
      std::size_t kept = 0;
      for (std::size_t i = 0; i < left_.size(); ++i) {
        if (!(values[i] < left_[i].value)) left_[kept++] = left_[i];
      }
      left_.resize(kept, {});
    }
    return chosen_;
  }

 private:
  std::vector<std::int32_t> chosen_, ids_;
  std::vector<Spot<Real>> left_;
  PreparedQueries query_;
};

}  // namespace anear
