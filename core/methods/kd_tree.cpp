// kd_tree: exact search in cells, whose boxes bound the rank from below.
//
// The points are cut into cells of one block each, and these gathered into larger and larger cells; see
// parts/partition.h and parts/hierarchy.h, and parts/tree_search.h for how they are searched.
#include <memory>
#include <utility>

#include "index/method.h"
#include "parts/hierarchy.h"
#include "parts/partition.h"
#include "parts/stored_order.h"
#include "parts/tree_search.h"

namespace anear {
namespace {

std::unique_ptr<Method> build(BuildRequest request, Progress& progress) {
  request.space.check(request.rows.columns);
  require(request.boxes.has_value(), "kd_tree needs boxes");
  const Boxes& boxes = *request.boxes;
  boxes.check(request.rows, request.space.search());
  const SplitRule rule = request.parameters[0] != 0 ? SplitRule::round_robin : SplitRule::spread;
  const std::int64_t block = request.space.search().block;
  auto stored = stored_order(request.stored, request.rows.count, block);
  auto order = stored ? std::move(*stored) : cell_order(boxes.split, block, rule, request.threads, progress);
  BoxedPoints boxed(boxes, request.rows, request.space.filter, order, request.threads, progress);
  return std::make_unique<TreeSearch>(request.rows, std::move(request.space), boxes.bound, boxes.upper,
                                      std::move(order), std::move(boxed.hierarchy), std::move(boxed.points));
}

}  // namespace

extern const MethodEntry method_kd_tree;
const MethodEntry method_kd_tree{
    "exact search in cells whose boxes bound the distance from below",
    {{"round_robin", "bool", 0, 1, 0, "cut the coordinates in turn instead of the one that extends furthest"}},
    tree_search_parameters(),
    build};

}  // namespace anear
