// A distance over a data type, as the core sees it: kernel tables with the numbers they take.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "kernel/table.h"
#include "result/margin.h"
#include "storage/prepared.h"

namespace anear {

// A table that computes a rank, up to a margin that depends on the query.
struct Estimate {
  std::shared_ptr<const Table> table;
  std::vector<double> parameters;
  std::vector<std::int32_t> slack_slots;  // slot of the prepared query that goes with each maximum
  double slack_scale = 0;
  double relative = 0;
  std::int64_t offset_slot = -1;  // slot of the prepared query that must be added to a value to make it the rank

  const KernelTable& kernels() const { return table->kernels(); }

  // Throws ArgumentError if the numbers do not fit the table, called `name`.
  void check(const std::string& name) const;

  // slack = slack_scale * sum of slot * maximum; `queries` were prepared by the table.
  Margin margin(const PreparedQueries& queries, std::int64_t query, const std::vector<double>& maxima) const;

  // Whether margin and offset are the same for all queries.
  bool fixed() const { return slack_slots.empty() && offset_slot < 0; }

  // What lies between the table's values and the rank, 0 where nothing does, and how far it may be off: it was rounded
  // when it was prepared, of which the margin of what is left in the pair knows nothing.
  double offset(const PreparedQueries& queries, std::int64_t query) const;
  double offset_error(double offset) const { return offset == 0 ? 0 : rounding_of(offset); }

 private:
  double rounding_of(double offset) const;
};

// `filter` finds candidates in packed blocks; `exact` ranks and reports them.
struct Space {
  Estimate filter;
  std::shared_ptr<const Table> exact_table;
  std::vector<double> exact_parameters;

  const KernelTable& search() const { return filter.kernels(); }
  const KernelTable& exact() const { return exact_table->kernels(); }

  // Throws ArgumentError if the tables do not fit each other or `columns` columns of stored rows.
  void check(std::int64_t columns) const;
};

}  // namespace anear
