#include "parts/stored_order.h"

#include <string>

#include "base/error.h"

namespace anear {

std::vector<Part> order_parts(const std::vector<PointId>& order, const std::int32_t& block) {
  return {part("order", order), {"block", PartType::int32, 1, 0, &block}};
}

std::optional<std::vector<PointId>> stored_order(const std::optional<Stored>& stored, std::int64_t points,
                                                 std::int64_t block) {
  if (!stored) return std::nullopt;
  const Part &part = stored->get("order"), &leaf = stored->get("block");
  require(leaf.size() == 1, "'block' must be one number");
  if (*leaf.integers() != block) return std::nullopt;
  require(part.size() == points,
          "'order' has " + std::to_string(part.size()) + " numbers for " + std::to_string(points) + " points");
  std::vector<PointId> order(part.ids(), part.ids() + points);
  std::vector<bool> seen(points);
  bool whole = true;
  for (const PointId id : order) {
    whole = whole && id < points && !seen[id];
    if (whole) seen[id] = true;
  }
  require(whole, "'order' does not hold every point once");
  return order;
}

}  // namespace anear
