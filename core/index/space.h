// A distance over a data type, as the core sees it: two kernel tables with the numbers they take.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/table.h"
#include "result/margin.h"
#include "storage/prepared.h"

namespace anear {

// `search` finds candidates in packed blocks; its values may be off by a margin that depends on the query. `exact` ranks
// and reports them.
struct Space {
  std::shared_ptr<const Table> search_table;
  std::shared_ptr<const Table> exact_table;
  std::vector<double> search_parameters;
  std::vector<double> exact_parameters;
  std::vector<std::int32_t> slack_slots;  // slot of the prepared query that goes with each maximum
  double slack_scale = 0;
  double relative = 0;

  const KernelTable& search() const { return search_table->kernels(); }
  const KernelTable& exact() const { return exact_table->kernels(); }

  // Throws ArgumentError if the tables do not fit each other or `columns` columns of stored rows.
  void check(std::int64_t columns) const;

  // slack = slack_scale * sum of slot * maximum; `query` was prepared by the search table.
  Margin margin(const PreparedQueries& queries, std::int64_t query, const std::vector<double>& maxima) const;
};

}  // namespace anear
