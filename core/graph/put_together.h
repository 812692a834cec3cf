// The order in which a batch of newcomers looks for neighbours. It changes nothing but the time that it takes: what a walk
// has come by is still in the cache for the next one, if that is to a point near by.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "graph/linking.h"

namespace anear {

// Which of the newcomers comes first, second, ...: together those that are nearest to the same of some of them, and of
// these after each the one that is nearest to it.
template <class Real>
std::vector<std::int32_t> put_together(const std::int32_t* newcomers, std::int64_t count, Linking<Real>& linking) {
  constexpr std::int64_t kFew = 512;      // these come as they are
  constexpr std::int64_t kTogether = 16;  // newcomers for each of some
  constexpr std::int64_t kAhead = 64;     // newcomers among which the nearest is sought
  std::vector<std::int32_t> order(count), nearest(count), some(count < kFew ? 0 : count / kTogether);
  std::iota(order.begin(), order.end(), 0);
  if (some.empty()) return order;
  const auto size = static_cast<std::int64_t>(some.size());
  for (std::int64_t i = 0; i < size; ++i) some[i] = newcomers[i * count / size];
  const auto nearest_of = [&](std::int32_t newcomer, const std::vector<std::int32_t>& ids, LinkWorker<Real>& worker) {
    worker.walk.scorer.at(linking.prepare(newcomer, worker));
    const Real* values = worker.walk.scorer(ids.data(), static_cast<std::int64_t>(ids.size()));
    return static_cast<std::int32_t>(std::min_element(values, values + ids.size()) - values);
  };
  linking.each(count, kTogether,
               [&](std::int64_t i, LinkWorker<Real>& worker) { nearest[i] = nearest_of(newcomers[i], some, worker); });
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return nearest[a] < nearest[b]; });
  std::vector<std::int64_t> starts{0};
  for (std::int64_t i = 1; i < count; ++i) {
    if (nearest[order[i]] != nearest[order[i - 1]]) starts.push_back(i);
  }
  starts.push_back(count);
  linking.each(static_cast<std::int64_t>(starts.size()) - 1, 1, [&](std::int64_t group, LinkWorker<Real>& worker) {
    for (std::int64_t i = starts[group]; i + 1 < starts[group + 1]; ++i) {
      worker.ids.clear();
      for (std::int64_t j = i + 1; j < std::min(starts[group + 1], i + 1 + kAhead); ++j) {
        worker.ids.push_back(newcomers[order[j]]);
      }
      std::swap(order[i + 1], order[i + 1 + nearest_of(newcomers[order[i]], worker.ids, worker)]);
    }
  });
  return order;
}

}  // namespace anear
