#include "graph/repair.h"

#include <algorithm>
#include <utility>

#include "graph/layers.h"

namespace anear {
namespace {

constexpr std::int64_t kScannedPerTask = 1 << 14;
constexpr std::int64_t kRepairedPerTask = 8;
// Where more orphans than this share of the nodes must find a parent, a new tree costs less than their ways up the old.
constexpr std::int64_t kFewOrphans = 64;

// Gives orphans a parent.
template <class Real>
class Mender {
 public:
  Mender(const Level& level, const GraphPoints& points, std::int64_t width, Draft& draft)
      : level_(level), points_(points), width_(width), draft_(draft) {
    walk_.scorer.reset(points.estimate, points.rows);
    walk_.scorer.of(level.nodes.empty() ? nullptr : level.nodes.data());
  }

  // `sure`: all nodes that have a parent lead to the root.
  void mend(const std::vector<std::int32_t>& orphans, bool sure) {
    Reach& reach = level_.reach;
    for (const std::int32_t orphan : orphans) {
      if (!reach.has(orphan)) reach.adopt(draft_, orphan, sure);
    }
    for (const std::int32_t orphan : orphans) {
      if (reach.has(orphan) || reach.adopt(draft_, orphan, sure)) continue;
      reach.link(draft_, nearest(orphan, sure), orphan);
    }
  }

 private:
  static constexpr std::int64_t kSteps = 1 << 30;  // however far it is

  bool leads(std::int32_t node, bool sure) const {
    return level_.reach.has(node) && (sure || level_.reach.leads(node, kSteps));
  }

  // A node that leads to the root: a neighbour of the orphan, or the nearest that a walk finds.
  std::int32_t nearest(std::int32_t orphan, bool sure) {
    const std::int32_t* row = draft_.row(orphan);
    for (std::int64_t i = 0; i < draft_.degree() && row[i] != Links::kNone; ++i) {
      if (leads(row[i], sure)) return row[i];
    }
    walk_.scorer.at(points_.queries.at(level_.nodes.empty() ? orphan : level_.nodes[orphan], query_));
    walk_.run(level_.links, &level_.root, 1, static_cast<std::size_t>(width_));
    for (const Spot<Real>& spot : walk_.beam) {
      if (leads(spot.node, sure)) return spot.node;
    }
    return level_.root;
  }

  const Level& level_;
  const GraphPoints& points_;
  std::int64_t width_;
  Draft& draft_;
  Walk<Real> walk_;
  PreparedQueries query_;
};

// Gives every node that is present a parent in a tree of its own.
template <class Real>
void connect_as(const Level& level, const Present& present, const GraphPoints& points, std::int64_t width,
                Draft& draft) {
  level.reach.span(draft, level.root);
  std::vector<std::int32_t> orphans;
  for (std::int32_t node = 0; node < level.links.nodes(); ++node) {
    if (!level.reach.has(node) && present(node)) orphans.push_back(node);
  }
  Mender<Real>(level, points, width, draft).mend(orphans, true);
}

template <class Real>
class Unlinker {
 public:
  Unlinker(const Level& level, const std::vector<std::int32_t>& gone, const GraphPoints& points, const Growth& growth,
           int threads, Progress& progress)
      : level_(level),
        gone_(gone),
        growth_(growth),
        points_(points),
        threads_(threads),
        progress_(progress),
        all_(gone, level.links.nodes()),
        draft_(level.links),
        linking_(level.links, level.nodes, points, growth.pruning, threads, progress) {}

  // Returns the nodes that are left with too few neighbours.
  std::vector<std::int32_t> run(const Present& present, std::int64_t left, Gate& gate) {
    const std::vector<std::int32_t> near = linked_to_gone();
    for (const std::int32_t node : near) draft_.open(node);
    linking_.each(static_cast<std::int64_t>(near.size()), kRepairedPerTask,
                  [&](std::int64_t i, LinkWorker<Real>& worker) { choose(near[i], draft_.at(i), worker); });
    for (const std::int32_t node : gone_) draft_.set(draft_.open(node), {});
    repair_reach(present);
    std::vector<std::int32_t> thin;
    const std::int64_t few = std::min({growth_.neighbours / 2, level_.links.degree() / 4, left - 1});
    for (const std::int32_t node : near) {
      const std::int64_t count = draft_.count(node);
      if (count < few && count < level_.links.count(node)) thin.push_back(node);
    }
    draft_.write(gate, level_.sources);
    return thin;
  }

 private:
  // The nodes that stay and have links to some that are gone, in order.
  std::vector<std::int32_t> linked_to_gone() {
    const Links& links = level_.links;
    std::vector<std::int32_t> all;
    if (level_.sources.serve(links, static_cast<std::int64_t>(gone_.size()))) {
      for (const std::int32_t node : gone_) level_.sources.of(links, node, all);
      std::erase_if(all, [&](std::int32_t node) { return all_.has(node); });
      std::sort(all.begin(), all.end());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      return all;
    }
    const std::int64_t tasks = (links.nodes() + kScannedPerTask - 1) / kScannedPerTask;
    std::vector<std::vector<std::int32_t>> found(tasks);
    parallel_for(tasks, threads_, progress_, [&](std::int64_t task) {
      const std::int64_t end = std::min(links.nodes(), (task + 1) * kScannedPerTask);
      for (std::int64_t node = task * kScannedPerTask; node < end; ++node) {
        if (all_.has(static_cast<std::int32_t>(node))) continue;
        const std::int32_t* row = links.row(node);
        bool hit = false;
        for (std::int64_t i = 0; i < links.degree() && row[i] != Links::kNone; ++i) hit |= all_.has(row[i]);
        if (hit) found[task].push_back(static_cast<std::int32_t>(node));
      }
    });
    for (const auto& some : found) all.insert(all.end(), some.begin(), some.end());
    return all;
  }

  // A node keeps its other neighbours, and chooses beside them of those that the ones that are gone had.
  void choose(std::int32_t node, std::int32_t* out, LinkWorker<Real>& worker) const {
    std::vector<std::int32_t>&kept = worker.ids, &near = worker.entries;
    kept.clear();
    near.clear();
    const auto take = [&](const std::int32_t* row, std::vector<std::int32_t>& ids, const auto& pass) {
      for (std::int64_t i = 0; i < level_.links.degree() && row[i] != Links::kNone; ++i) {
        if (!all_.has(row[i])) {
          ids.push_back(row[i]);
        } else {
          pass(row[i]);
        }
      }
    };
    take(level_.links.row(node), kept,
         [&](std::int32_t gone) { take(level_.links.row(gone), near, [](std::int32_t) { /* two links away */ }); });
    const bool anew = growth_.pruning.rule == Rule::ranked;  // which counts who is nearer to whom of all
    const auto known = [&](std::int32_t id) {
      return id == node || (!anew && std::find(kept.begin(), kept.end(), id) != kept.end());
    };
    if (anew) near.insert(near.end(), kept.begin(), kept.end());
    std::sort(near.begin(), near.end());
    near.erase(std::unique(near.begin(), near.end()), near.end());
    std::erase_if(near, known);
    const std::byte* query = linking_.prepare(node, worker);
    linking_.sort_from(query, near, worker);
    draft_.set(out, anew ? linking_.choose(node, query, level_.links.degree(), worker)
                         : linking_.choose_beside(node, query, level_.links.count(node), worker));
  }

  void repair_reach(const Present& present) {
    Reach& reach = level_.reach;
    std::vector<std::int32_t> orphans;
    for (const std::int32_t node : draft_.opened()) {
      const std::int32_t* row = level_.links.row(node);
      for (std::int64_t i = 0; i < level_.links.degree() && row[i] != Links::kNone; ++i) {
        if (!all_.has(row[i]) && reach.parent(row[i]) == node && !draft_.has(node, row[i])) {
          orphans.push_back(row[i]);
        }
      }
    }
    for (const std::int32_t node : gone_) reach.orphan(node);
    for (const std::int32_t node : orphans) reach.orphan(node);
    if (static_cast<std::int64_t>(orphans.size()) * kFewOrphans > level_.links.nodes()) {
      connect_as<Real>(level_, present, points_, growth_.width, draft_);
    } else {
      Mender<Real>(level_, points_, growth_.width, draft_).mend(orphans, false);
    }
  }

  const Level& level_;
  const std::vector<std::int32_t>& gone_;
  const Growth& growth_;
  const GraphPoints& points_;
  int threads_;
  Progress& progress_;
  NodeSet all_;
  Draft draft_;
  Linking<Real> linking_;
};

}  // namespace

void connect(const Level& level, const Present& present, const GraphPoints& points, std::int64_t width, Gate& gate) {
  Draft draft(level.links);
  if (points.estimate.kernels().arithmetic_bytes == 4) {
    connect_as<float>(level, present, points, width, draft);
  } else {
    connect_as<double>(level, present, points, width, draft);
  }
  draft.write(gate, level.sources);
}

void unlink(const Level& level, const std::vector<std::int32_t>& gone, const Present& present, std::int64_t left,
            const GraphPoints& points, const Growth& growth, Gate& gate, int threads, Progress& progress) {
  const bool single = points.estimate.kernels().arithmetic_bytes == 4;
  const auto thin = single ? Unlinker<float>(level, gone, points, growth, threads, progress).run(present, left, gate)
                           : Unlinker<double>(level, gone, points, growth, threads, progress).run(present, left, gate);
  // The nodes are gone by now: nobody may stop half way.
  Progress undisturbed;
  if (!thin.empty()) grow(level.links, level.nodes, thin, left, points, growth, threads, undisturbed);
  progress.count(undisturbed.computed());
}

}  // namespace anear
