#include "graph/life.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/chance.h"
#include "graph/check.h"

namespace anear {
namespace {

const std::vector<std::int32_t> kBase;  // node i is point i
constexpr std::size_t kMostLayers = 15;

}  // namespace

// Levels are numbered from the base up.
Level GraphLife::level(std::size_t number) {
  if (number == 0) return {graph_.base, kBase, graph_.reach, graph_.sources, graph_.root};
  Layer& layer = graph_.layers[number - 1];
  std::int32_t root = graph_.top;
  for (std::size_t above = graph_.layers.size(); above > number; --above) root = graph_.layers[above - 1].below[root];
  return {layer.links, layer.points, layer.reach, layer.sources, root};
}

Present GraphLife::present(std::size_t number) const {
  if (number == 0) return [this](std::int32_t node) { return lives(node); };
  const std::vector<std::int32_t>& points = graph_.layers[number - 1].points;
  return [this, &points](std::int32_t node) { return lives(points[node]); };
}

std::int64_t GraphLife::live(std::size_t number) const {
  if (number == 0) return alive_.count();
  const std::vector<std::int32_t>& points = graph_.layers[number - 1].points;
  return std::count_if(points.begin(), points.end(), [this](std::int32_t point) { return lives(point); });
}

Growth GraphLife::growth(std::size_t number, const Living& living) const {
  return {.neighbours = upkeep_.neighbours,
          .width = upkeep_.width,
          .pruning = upkeep_.pruning,
          .above = graph_,
          .from = number,
          .living = &living};
}

double GraphLife::share_of(std::size_t number) const { return std::pow(upkeep_.share, static_cast<double>(number)); }

bool GraphLife::rises(std::int32_t point, double share) const {
  return static_cast<double>(chance_bits(upkeep_.seed, static_cast<std::uint64_t>(point)) >> 11) * 0x1p-53 < share;
}

void GraphLife::ensure(std::size_t number) {
  const Level here = level(number);
  if (!here.reach.is_from(here.root)) anear::connect(here, present(number), points_, upkeep_.width, gate_);
}

void GraphLife::connect() {
  for (std::size_t number = 0; number <= graph_.layers.size(); ++number) ensure(number);
}

void GraphLife::finish() {
  if (graph_.layers.empty() && !graph_.entries.empty()) graph_.top = graph_.entries[0];
  graph_.root = graph_.root_below();
  connect();
  forget();  // many an index never changes
}

void GraphLife::forget() {
  graph_.reach.forget();
  graph_.sources.forget();
  for (Layer& layer : graph_.layers) {
    layer.reach.forget();
    layer.sources.forget();
  }
}

// Links that lie in a file become the graph's own, and are looked at: of what a change makes of them nothing is certain
// if they are not what they should be.
void GraphLife::prepare() {
  if (graph_.base.owned()) return;
  bool whole = false;
  {
    const Gate::Alone alone(gate_);
    whole = graph_.base.own();
  }
  const Checked checked = check(graph_, alive_);
  const std::string fault = whole ? "" : "links lead nowhere";
  require(whole && checked.sound, "the index was damaged, and its points cannot change: " +
                                      (checked.faults.empty() ? fault : checked.faults[0]));
}

void GraphLife::add(std::int64_t first, std::int64_t last) {
  const bool alone = alive_.count() == 0;
  try {
    prepare();
    coming_ = first;
    come_ = last;
    insert(first, last);
  } catch (...) {
    coming_ = come_ = 0;
    forget();
    if (alone) {
      clear();
    } else {
      std::vector<std::int32_t> gone(last - first);
      std::iota(gone.begin(), gone.end(), static_cast<std::int32_t>(first));
      Progress undisturbed;
      GraphLife(graph_, alive_, points_, upkeep_, gate_, threads_, undisturbed).remove(gone);
    }
    throw;
  }
}

void GraphLife::insert(std::int64_t first, std::int64_t last) {
  std::vector<std::int32_t> newcomers(last - first);
  std::iota(newcomers.begin(), newcomers.end(), static_cast<std::int32_t>(first));
  if (alive_.count() > 0) connect();
  {
    const Gate::Alone alone(gate_);
    graph_.base.extend(last);
    if (alive_.count() == 0) {
      graph_.top = graph_.root = newcomers[0];
      graph_.entries = {newcomers[0]};
    }
  }
  const Level base = level(0);
  if (alive_.count() == 0) base.reach.span(Draft(graph_.base), base.root);
  base.reach.resize(last);
  const Living living{gate_, base.reach, base.sources};
  grow(base.links, base.nodes, newcomers, alive_.count(), points_, growth(0, living), threads_, progress_);
  if (upkeep_.share == 0) return;
  insert_above(newcomers);
  while (raise(alive_.count() + last - first)) {
  }
}

// What is in the base already comes into the levels above: so nobody is led from above to a point that leads nowhere.
void GraphLife::insert_above(std::vector<std::int32_t> points) {
  std::vector<std::int32_t> below = points;  // the points' nodes one level down
  for (std::size_t number = 1; number <= graph_.layers.size(); ++number) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!rises(points[i], share_of(number))) continue;
      below[kept] = below[i];
      points[kept++] = points[i];
    }
    points.resize(kept);
    below.resize(kept);
    if (points.empty()) break;
    const std::int64_t settled = live(number);
    Layer& layer = graph_.layers[number - 1];
    std::vector<std::int32_t> nodes(kept);
    std::iota(nodes.begin(), nodes.end(), static_cast<std::int32_t>(layer.points.size()));
    {
      const Gate::Alone alone(gate_);
      layer.points.insert(layer.points.end(), points.begin(), points.end());
      layer.below.insert(layer.below.end(), below.begin(), below.end());
      layer.links.extend(static_cast<std::int64_t>(layer.points.size()));
    }
    const Level here = level(number);
    here.reach.resize(here.links.nodes());
    const Living living{gate_, here.reach, here.sources};
    grow(here.links, here.nodes, nodes, settled, points_, growth(number, living), threads_, progress_);
    below = std::move(nodes);
  }
}

// One level more, where there are points enough for it.
bool GraphLife::raise(std::int64_t count) {
  const std::size_t number = graph_.layers.size() + 1;
  const double share = share_of(number);
  if (number > kMostLayers || static_cast<double>(count) * share < 2) return false;
  const Level under = level(number - 1);
  Layer layer;
  for (std::int32_t node = 0; node < under.links.nodes(); ++node) {
    const std::int32_t point = under.nodes.empty() ? node : under.nodes[node];
    if (!lives(point) || !rises(point, share)) continue;
    layer.points.push_back(point);
    layer.below.push_back(node);
  }
  const auto size = static_cast<std::int64_t>(layer.points.size());
  if (size < 2) return false;
  layer.links = Links(size, number == 1 ? std::max<std::int64_t>(graph_.base.degree() / 2, 1) : under.links.degree());
  std::vector<std::int32_t> nodes(size);
  std::iota(nodes.begin(), nodes.end(), 0);
  const Graph unlinked;  // its walks begin at the first node
  const Growth growth{
      .neighbours = upkeep_.neighbours, .width = upkeep_.width, .pruning = upkeep_.pruning, .above = unlinked};
  grow(layer.links, layer.points, nodes, 0, points_, growth, threads_, progress_);
  {
    const Gate::Alone alone(gate_);
    graph_.layers.push_back(std::move(layer));
    graph_.entries.clear();
    graph_.top = 0;
    graph_.root = graph_.root_below();
  }
  connect();
  return true;
}

void GraphLife::clear() {
  const Gate::Alone alone(gate_);
  graph_.base.clear();
  graph_.layers.clear();
  graph_.entries.clear();
  graph_.top = graph_.root = Links::kNone;
  graph_.reach.forget();
  graph_.sources.forget();
}

// Walks begin at points that stay.
void GraphLife::move_entries(const NodeSet& gone) {
  const auto stays = [&](std::int32_t point) { return alive_[point] && !gone.has(point); };
  const auto first_that_stays = [&](const auto& point_of, std::int64_t nodes) {
    std::int32_t node = 0;
    while (node < nodes && !stays(point_of(node))) ++node;
    return node < nodes ? node : Links::kNone;
  };
  const Gate::Alone alone(gate_);
  while (!graph_.layers.empty()) {
    const std::vector<std::int32_t>& points = graph_.layers.back().points;
    if (graph_.top >= 0 && stays(points[graph_.top])) break;
    graph_.top =
        first_that_stays([&](std::int32_t node) { return points[node]; }, static_cast<std::int64_t>(points.size()));
    if (graph_.top >= 0) break;
    graph_.layers.pop_back();
  }
  std::erase_if(graph_.entries, [&](std::int32_t point) { return !stays(point); });
  if (graph_.layers.empty() && graph_.entries.empty()) {
    graph_.entries.push_back(first_that_stays([](std::int32_t point) { return point; }, alive_.points()));
  }
  if (graph_.layers.empty()) graph_.top = graph_.entries[0];
  graph_.root = graph_.root_below();
}

void GraphLife::remove(const std::vector<std::int32_t>& gone) {
  const NodeSet all(gone, alive_.points());
  std::int64_t left = alive_.count();
  for (const std::int32_t point : gone) left -= alive_[point] ? 1 : 0;
  prepare();
  if (left == 0) return clear();
  move_entries(all);
  try {
    for (std::size_t number = graph_.layers.size() + 1; number-- > 0;) {
      ensure(number);
      const Level here = level(number);
      std::vector<std::int32_t> nodes;
      if (number == 0) {  // but not newcomers that were to come when something failed
        nodes = all.sorted();
        nodes.erase(std::lower_bound(nodes.begin(), nodes.end(), here.links.nodes()), nodes.end());
      }
      for (std::size_t node = 0; node < here.nodes.size(); ++node) {
        if (all.has(here.nodes[node])) nodes.push_back(static_cast<std::int32_t>(node));
      }
      if (nodes.empty()) continue;
      const Present before = present(number);
      const auto stays = [&](std::int32_t node) {
        return before(node) && !all.has(number == 0 ? node : here.nodes[node]);
      };
      const std::int64_t rest = number == 0 ? left : live(number) - static_cast<std::int64_t>(nodes.size());
      const Living living{gate_, here.reach, here.sources};
      unlink(here, nodes, stays, rest, points_, growth(number, living), gate_, threads_, progress_);
    }
  } catch (...) {
    forget();
    throw;
  }
}

}  // namespace anear
