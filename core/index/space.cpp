#include "index/space.h"

#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace anear {

void Estimate::check(const std::string& name) const {
  table->check();
  const KernelTable& t = kernels();
  require(t.prepare_points != nullptr && t.prepare_query != nullptr,
          "the " + name + " table lacks 'prepare_points' or 'prepare_query'");
  require(slack_scale >= 0 && relative >= 0, "slack_scale and relative must not be negative");
  require(slack_slots.empty() || slack_slots.size() == static_cast<std::size_t>(t.maxima),
          "slack_slots has " + std::to_string(slack_slots.size()) + " entries for a " + name + " table with " +
              std::to_string(t.maxima) + " maxima");
  const auto check_slot = [&](std::int64_t slot, std::int64_t lowest, const char* what) {
    require(lowest <= slot && slot < t.query_slots, std::string(what) + " holds " + std::to_string(slot) +
                                                        "; allowed are " + std::to_string(lowest) + " to " +
                                                        std::to_string(t.query_slots - 1));
  };
  for (const std::int32_t slot : slack_slots) check_slot(slot, 0, "slack_slots");
  check_slot(offset_slot, -1, "offset_slot");
}

Margin Estimate::margin(const PreparedQueries& queries, std::int64_t query, const std::vector<double>& maxima) const {
  double sum = 0;
  for (std::size_t j = 0; j < slack_slots.size(); ++j) sum += queries.slot(query, slack_slots[j]) * maxima[j];
  // The exact table, which decides, adds the offset in float64: with some roundings, of functions too. The bounds of
  // float64 count them one by one.
  const double unit = kernels().arithmetic_bytes == 4 ? 0x1p-43 : 0x1p-53;
  const double added = unit * (4 + static_cast<double>(kernels().query_slots)) * std::abs(offset(queries, query));
  if (slack_scale == 0) return {added, relative};
  // The sum is also how large a term may get. Where terms may overflow nothing is proved: a NaN lets everything pass.
  const double largest =
      kernels().arithmetic_bytes == 4 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  if (!(sum < largest / 8)) return {std::numeric_limits<double>::quiet_NaN(), relative};
  return {slack_scale * sum + added, relative};
}

double Estimate::offset(const PreparedQueries& queries, std::int64_t query) const {
  return offset_slot < 0 ? 0 : queries.slot(query, offset_slot);
}

double Estimate::rounding_of(double offset) const {
  const double unit =
      kernels().arithmetic_bytes == 4 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  return unit * (4 + static_cast<double>(kernels().query_slots)) * std::abs(offset);
}

void Space::check(std::int64_t columns) const {
  filter.table->check();
  exact_table->check();
  const KernelTable& s = search();
  const KernelTable& e = exact();
  require(e.gather != nullptr && e.prepare_query != nullptr, "the exact table lacks 'gather' or 'prepare_query'");
  require(e.arithmetic_bytes == 8, "the exact table must compute in float64");
  require(e.point_columns == columns, "rows have " + std::to_string(columns) + " columns, the exact table expects " +
                                          std::to_string(e.point_columns));
  if (s.select == nullptr && s.select_one == nullptr && s.gather_rows == nullptr && s.look == nullptr)
    return;  // everything goes through the exact table
  filter.check("search");
  require(s.point_columns == e.point_columns && s.query_columns == e.query_columns,
          "the search table and the exact table expect different numbers of columns");
}

}  // namespace anear
