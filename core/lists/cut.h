// Cutting points into lists around centres.
//
// A centre is the mean of its list's rows, which is a point as any other: what a list is compared by is the formula's
// own value of an object and its centre. For Euclidean distance this is the k-means of textbooks; means are the best
// centres under every Bregman divergence as well, where points are the second argument.
#pragma once
#include <cstdint>
#include <vector>

#include "base/point_id.h"
#include "base/progress.h"
#include "index/space.h"
#include "storage/rows.h"

namespace anear {

struct Cut {
  std::int64_t lists() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  std::int64_t size(std::int64_t list) const { return starts[list + 1] - starts[list]; }  // without those added
  Rows centre_rows() const {
    const std::int64_t count = lists();
    return {reinterpret_cast<const std::byte*>(centres.data()), count,
            static_cast<std::int64_t>(centres.size()) / count, Storage::float64};
  }

  std::vector<double> centres;       // [lists][columns]
  std::vector<PointId> order;        // the points, list by list, rising in each; those added behind them, as they came
  std::vector<std::int32_t> starts;  // where each list begins in it, and where those added do
  std::vector<std::int32_t> added;   // the lists of those added
};

// `objects`: the points as queries. The same on any number of threads.
Cut cut_into_lists(const Rows& points, const Rows& objects, const Estimate& estimate, std::int64_t lists,
                   std::uint64_t seed, int threads, Progress& progress);

// The same lists with all points in their places: those added, and newcomers behind all others, whose lists these are.
Cut cut_with(const Cut& cut, const std::vector<std::int32_t>& newcomers);

}  // namespace anear
