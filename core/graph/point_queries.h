// The points of a graph as prepared queries: what compares points with each other.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/memory.h"
#include "base/progress.h"
#include "index/space.h"
#include "storage/point_rows.h"
#include "storage/prepared.h"

namespace anear {

// Preparing one point takes as long as a dozen distances, and building a graph needs each as a query some dozen times:
// so all are prepared at once, and dropped when the graph stands. Where a prepared query is the raw row nothing is kept.
class PointQueries {
 public:
  // None is prepared ahead; `at` does it: for few queries.
  PointQueries(const Estimate& estimate, const RowForm& form);
  // All are.
  PointQueries(const Estimate& estimate, const RowForm& form, int threads, Progress& progress);

  // The point as a query, until `scratch` is used again.
  const std::byte* at(std::int32_t point, PreparedQueries& scratch) const {
    if (data_ != nullptr) return data_ + point * bytes_;
    scratch.prepare(estimate_->kernels(), estimate_->parameters.data(), objects_, point, 1, 1);
    return scratch.query(0);
  }

  // The same where all are prepared.
  const std::byte* ready(std::int32_t point) const { return data_ + point * bytes_; }

  // What lies between values of this query and its rank: needed where values of several queries are compared.
  template <class Real>
  Real offset(const std::byte* query) const {
    return slot_ < 0 ? 0 : reinterpret_cast<const Real*>(query)[slot_];
  }

 private:
  const Estimate* estimate_;
  Rows objects_;
  AlignedArray<std::byte> memory_;
  const std::byte* data_ = nullptr;
  std::int64_t bytes_, slot_;
};

}  // namespace anear
