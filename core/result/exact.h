// The full distance in float64 from one query to stored rows: what decides every answer.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/memory.h"
#include "kernel/abi.h"
#include "result/neighbor.h"
#include "storage/rows.h"

namespace anear {

// A view of one prepared query of the exact table. Counts the distances it computes.
class ExactQuery {
 public:
  ExactQuery() = default;
  ExactQuery(const KernelTable& table, const double* parameters, const Rows& rows, const void* query)
      : table_(&table), parameters_(parameters), rows_(&rows), query_(query) {}

  void distances(const std::int32_t* ids, std::int64_t n, double* out) {
    // The rows lie anywhere: all of a few are asked for at once. Of many the kernel itself asks ahead.
    constexpr std::int64_t kFew = 64;
    const std::int64_t bytes = rows_->row_bytes();
    for (std::int64_t i = 0; i < std::min(n, kFew); ++i) prefetch(rows_->data + ids[i] * bytes);
    table_->gather(query_, rows_->data, rows_->row_bytes(), ids, n, parameters_, out);
    computed_ += n;
  }

  // Appends the points `ids` with their distances, but those whose distance is NaN.
  void append(const std::vector<std::int32_t>& ids, std::vector<double>& scratch, std::vector<Neighbor>& out) {
    if (ids.empty()) return;
    scratch.resize(ids.size());
    distances(ids.data(), static_cast<std::int64_t>(ids.size()), scratch.data());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (scratch[i] == scratch[i]) out.push_back({scratch[i], ids[i]});
    }
  }

  std::int64_t computed() const { return computed_; }

 private:
  const KernelTable* table_ = nullptr;
  const double* parameters_ = nullptr;
  const Rows* rows_ = nullptr;
  const void* query_ = nullptr;
  std::int64_t computed_ = 0;
};

}  // namespace anear
