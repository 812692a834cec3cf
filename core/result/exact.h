// The full distance in float64 from one query to stored rows: what decides every answer.
#pragma once
#include <algorithm>
#include <array>
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
  static constexpr std::int64_t kFew = 64;

  ExactQuery() = default;
  ExactQuery(const KernelTable& table, const double* parameters, const Rows& rows, const void* query)
      : table_(&table), parameters_(parameters), rows_(&rows), query_(query) {}

  void distances(const PointId* ids, std::int64_t n, double* out) {
    // The rows lie anywhere: all of a few are asked for at once. Of many the kernel itself asks ahead.
    const std::int64_t bytes = rows_->row_bytes();
    for (std::int64_t i = 0; i < std::min(n, kFew); ++i) prefetch(rows_->data + ids[i] * bytes);
    table_->gather(query_, rows_->data, rows_->row_bytes(), ids, n, parameters_, out);
    computed_ += n;
  }

  // Appends the points `ids` with their distances, but those whose distance is NaN.
  void append(const std::vector<PointId>& ids, std::vector<double>& scratch, std::vector<Neighbor>& out) {
    if (ids.empty()) return;
    scratch.resize(ids.size());
    distances(ids.data(), static_cast<std::int64_t>(ids.size()), scratch.data());
    keep_numbers(ids, scratch, out);
  }

  // The same of rows that were copied: row i belongs to ids[i].
  void append_copied(const std::vector<PointId>& ids, const std::byte* rows, std::vector<double>& scratch,
                     std::vector<Neighbor>& out) {
    const std::int64_t bytes = rows_->row_bytes(), count = static_cast<std::int64_t>(ids.size());
    scratch.resize(ids.size());
    for (std::int64_t i = 0; i < count; i += kFew) {
      const auto now = std::min(count - i, kFew);
      table_->gather(query_, rows + i * bytes, bytes, kPlaces.data(), now, parameters_, scratch.data() + i);
    }
    computed_ += count;
    keep_numbers(ids, scratch, out);
  }

  // The distances to at most kFew rows, one behind the other.
  void distances_of(const std::byte* rows, std::size_t row_bytes, std::size_t count, double* out) {
    const auto n = static_cast<std::int64_t>(count);
    table_->gather(query_, rows, static_cast<std::int64_t>(row_bytes), kPlaces.data(), n, parameters_, out);
    computed_ += n;
  }

  std::int64_t computed() const { return computed_; }

 private:
  static constexpr auto kPlaces = [] {
    std::array<PointId, kFew> places{};
    for (PointId i = 0; i < kFew; ++i) places[i] = i;
    return places;
  }();

  static void keep_numbers(const std::vector<PointId>& ids, const std::vector<double>& distances,
                           std::vector<Neighbor>& out) {
    std::size_t kept = out.size(), missing = 0;
    for (const double distance : distances) missing += distance == distance ? 0 : 1;
    out.resize(kept + ids.size() - missing);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (missing == 0 || distances[i] == distances[i]) out[kept++] = {distances[i], ids[i]};
    }
  }

  const KernelTable* table_ = nullptr;
  const double* parameters_ = nullptr;
  const Rows* rows_ = nullptr;
  const void* query_ = nullptr;
  std::int64_t computed_ = 0;
};

}  // namespace anear
