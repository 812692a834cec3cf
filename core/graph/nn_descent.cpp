#include "graph/nn_descent.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/chance.h"
#include "base/spares.h"
#include "graph/exchange.h"
#include "graph/halving.h"

namespace anear {
namespace {

constexpr std::int64_t kMostRounds = 32;
constexpr std::int64_t kNodesPerTask = 128;
constexpr std::int64_t kNodesAtOnce = 1 << 14;  // their offers are made by one state of the table
constexpr std::int64_t kSmallestPiece = 48, kLargestPiece = 256;

// A neighbour offered to a node.
template <class Real>
struct Offer {
  std::int32_t target;
  Spot<Real> spot;
};

// A node that has drawn the target.
struct Draw {
  std::int32_t target, source;
  bool fresh;
};

// Nodes drawn by chance, a row of at most `most` for each node; those of the smallest numbers stay.
class Drawn {
 public:
  Drawn(std::int64_t nodes, std::int64_t most)
      : most_(most), numbers_(nodes * most), nodes_(nodes * most), counts_(nodes) {}

  void clear() { std::fill(counts_.begin(), counts_.end(), 0); }
  const std::int32_t* row(std::int64_t node) const { return nodes_.data() + node * most_; }
  std::int64_t count(std::int64_t node) const { return counts_[node]; }

  void add(std::int64_t node, std::int32_t other, std::uint32_t number) {
    std::uint32_t* numbers = numbers_.data() + node * most_;
    std::int32_t* row = nodes_.data() + node * most_;
    std::int64_t at = counts_[node];
    if (at == most_) {
      if (before(numbers[most_ - 1], row[most_ - 1], number, other)) return;
      --at;
    } else {
      ++counts_[node];
    }
    for (; at > 0 && before(number, other, numbers[at - 1], row[at - 1]); --at) {
      numbers[at] = numbers[at - 1];
      row[at] = row[at - 1];
    }
    numbers[at] = number;
    row[at] = other;
  }

 private:
  static bool before(std::uint32_t a, std::int32_t x, std::uint32_t b, std::int32_t y) {
    return a < b || (a == b && x < y);
  }

  std::int64_t most_;
  std::vector<std::uint32_t> numbers_;
  std::vector<std::int32_t> nodes_;
  std::vector<std::int32_t> counts_;
};

template <class Real>
struct Joiner {
  Scorer<Real> scorer;
  PreparedQueries query;
  std::vector<std::int32_t> fresh, old, ids;
  std::int64_t reported = 0;
};

template <class Real>
class Descender {
 public:
  Descender(const GraphPoints& points, const Descent& descent, int threads, Progress& progress)
      : points_(points),
        descent_(descent),
        threads_(threads),
        progress_(progress),
        nodes_(points.count()),
        table_(nodes_, std::min(descent.k, nodes_ - 1)),
        drawn_(std::max<std::int64_t>(
            1, static_cast<std::int64_t>(std::ceil(descent.rho * static_cast<double>(table_.k()))))) {}

  KnnTable<Real> run() {
    if (nodes_ < 2) return std::move(table_);
    const std::int64_t largest = std::clamp(2 * table_.k(), kSmallestPiece, kLargestPiece);
    progress_.start(nodes_ * (descent_.trees + kMostRounds / 4));
    for (std::int64_t tree = 0; tree < descent_.trees && (tree == 0 || nodes_ > largest); ++tree) {
      plant(largest, chance_bits(descent_.seed, static_cast<std::uint64_t>(tree)));
      progress_.advance(nodes_);
    }
    if (nodes_ <= largest) return std::move(table_);
    Drawn fresh(nodes_, drawn_), old(nodes_, drawn_), fresh_back(nodes_, drawn_), old_back(nodes_, drawn_);
    for (std::int64_t round = 0; round < kMostRounds; ++round) {
      draw(fresh, old, fresh_back, old_back, chance_bits(~descent_.seed, static_cast<std::uint64_t>(round)));
      const auto least = static_cast<std::int64_t>(descent_.delta * static_cast<double>(nodes_ * table_.k()));
      const std::int64_t improved = join(fresh, old, fresh_back, old_back);
      progress_.advance(nodes_);
      if (improved <= least) break;
    }
    return std::move(table_);
  }

 private:
  // Compares all points of each piece of one halving.
  void plant(std::int64_t largest, std::uint64_t seed) {
    const std::vector<std::int32_t> order = halved(points_, largest, seed, threads_, progress_);
    const std::vector<std::int64_t> ends = pieces(nodes_, largest);
    each(static_cast<std::int64_t>(ends.size()) - 1, 4, [&](std::int64_t first, std::int64_t last, Joiner<Real>& with) {
      for (std::int64_t i = first; i < last; ++i) {
        with.fresh.assign(order.begin() + ends[i], order.begin() + ends[i + 1]);
        with.old.clear();
        compare(with, [&](std::int32_t target, const Spot<Real>& spot) { table_.offer(target, spot); });
      }
    });
  }

  // Every node draws some of its neighbours, new and old ones, and is drawn by those that drew it.
  void draw(Drawn& fresh, Drawn& old, Drawn& fresh_back, Drawn& old_back, std::uint64_t seed) {
    for (Drawn* drawn : {&fresh, &old, &fresh_back, &old_back}) drawn->clear();
    Exchange<Draw> exchange(nodes_);
    for (std::int64_t begin = 0; begin < nodes_; begin += kNodesAtOnce) {
      exchange.run(
          std::min(kNodesAtOnce, nodes_ - begin), kNodesPerTask, threads_, progress_,
          [&](std::int64_t first, std::int64_t last, std::vector<Draw>& out) {
            for (std::int64_t i = begin + first; i < begin + last; ++i) draw_from(i, fresh, old, seed, out);
          },
          [&](const Draw& draw) {
            Drawn& back = draw.fresh ? fresh_back : old_back;
            back.add(draw.target, draw.source, number(~seed, draw.source, draw.target));
            return true;
          });
    }
  }

  void draw_from(std::int64_t i, Drawn& fresh, Drawn& old, std::uint64_t seed, std::vector<Draw>& out) {
    const auto node = static_cast<std::int32_t>(i);
    const Spot<Real>* spots = table_.row(i);
    std::uint8_t* flags = table_.fresh(i);
    const std::int64_t count = table_.count(i);
    for (std::int64_t j = 0; j < count; ++j) {
      (flags[j] != 0 ? fresh : old).add(i, spots[j].node, number(seed, node, spots[j].node));
    }
    const std::int32_t* taken = fresh.row(i);
    const std::int32_t* end = taken + fresh.count(i);
    for (std::int64_t j = 0; j < count; ++j) {
      if (flags[j] != 0 && std::find(taken, end, spots[j].node) != end) flags[j] = 0;
    }
    for (const std::int32_t* other = taken; other != end; ++other) out.push_back({*other, node, true});
    for (std::int64_t j = 0; j < old.count(i); ++j) out.push_back({old.row(i)[j], node, false});
  }

  static std::uint32_t number(std::uint64_t seed, std::int32_t a, std::int32_t b) {
    return static_cast<std::uint32_t>(
        chance_bits(seed, static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b)));
  }

  // Compares what each node has drawn and what has drawn it: the new with each other and with the old. How many
  // neighbours were improved.
  std::int64_t join(const Drawn& fresh, const Drawn& old, const Drawn& fresh_back, const Drawn& old_back) {
    std::int64_t improved = 0;
    Exchange<Offer<Real>> exchange(nodes_);
    for (std::int64_t begin = 0; begin < nodes_; begin += kNodesAtOnce) {
      improved += exchange.run(
          std::min(kNodesAtOnce, nodes_ - begin), kNodesPerTask, threads_, progress_,
          [&](std::int64_t first, std::int64_t last, std::vector<Offer<Real>>& out) {
            auto with = take();
            for (std::int64_t i = begin + first; i < begin + last; ++i) {
              collect(i, fresh, fresh_back, with->fresh);
              collect(i, old, old_back, with->old);
              std::erase_if(with->old, [&](std::int32_t node) {
                return std::binary_search(with->fresh.begin(), with->fresh.end(), node);
              });
              compare(*with, [&](std::int32_t target, const Spot<Real>& spot) {
                if (table_.wants(target, spot)) out.push_back({target, spot});
              });
            }
            give(std::move(with));
          },
          [&](const Offer<Real>& offer) { return table_.offer(offer.target, offer.spot); });
      progress_.poll();
    }
    return improved;
  }

  static void collect(std::int64_t node, const Drawn& drawn, const Drawn& back, std::vector<std::int32_t>& out) {
    out.assign(drawn.row(node), drawn.row(node) + drawn.count(node));
    out.insert(out.end(), back.row(node), back.row(node) + back.count(node));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }

  // offer(target, spot) for all pairs of new nodes and of a new and an old one, from either side.
  template <class Tell>
  void compare(Joiner<Real>& with, const Tell& tell) {
    std::vector<std::int32_t>& ids = with.ids;
    const std::size_t fresh = with.fresh.size();
    if (points_.form.symmetric) {
      ids.assign(with.fresh.begin(), with.fresh.end());
      ids.insert(ids.end(), with.old.begin(), with.old.end());
      for (std::size_t i = 0; i < fresh && i + 1 < ids.size(); ++i) compare_both_ways(with, i, tell);
      return;
    }
    for (std::size_t i = 0; i < fresh; ++i) {
      ids.assign(with.fresh.begin(), with.fresh.end());
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i));
      ids.insert(ids.end(), with.old.begin(), with.old.end());
      compare_from(with, with.fresh[i], tell);
    }
    ids.assign(with.fresh.begin(), with.fresh.end());
    for (const std::int32_t node : with.old) compare_from(with, node, tell);
  }

  // The i-th of the ids with all that follow.
  template <class Tell>
  void compare_both_ways(Joiner<Real>& with, std::size_t i, const Tell& tell) {
    const std::int32_t node = with.ids[i];
    const std::byte* query = points_.queries.at(node, with.query);
    const Real offset = points_.queries.template offset<Real>(query);
    with.scorer.at(query);
    const std::size_t rest = with.ids.size() - i - 1;
    const std::int32_t* others = with.ids.data() + i + 1;
    const Real* values = with.scorer(others, static_cast<std::int64_t>(rest));
    for (std::size_t j = 0; j < rest; ++j) {
      tell(node, {values[j], others[j]});
      tell(others[j], {values[j] + (offset - offset_of(others[j])), node});
    }
  }

  template <class Tell>
  void compare_from(Joiner<Real>& with, std::int32_t node, const Tell& tell) {
    if (with.ids.empty()) return;
    with.scorer.at(points_.queries.at(node, with.query));
    const Real* values = with.scorer(with.ids.data(), static_cast<std::int64_t>(with.ids.size()));
    for (std::size_t j = 0; j < with.ids.size(); ++j) tell(node, {values[j], with.ids[j]});
  }

  Real offset_of(std::int32_t node) {
    if (points_.estimate.offset_slot < 0) return 0;
    return points_.queries.template offset<Real>(points_.queries.ready(node));
  }

  // body(first, last, joiner) for pieces of 0 ... count - 1.
  template <class Body>
  void each(std::int64_t count, std::int64_t per_task, const Body& body) {
    parallel_for((count + per_task - 1) / per_task, threads_, progress_, [&](std::int64_t task) {
      auto with = take();
      body(task * per_task, std::min(count, (task + 1) * per_task), *with);
      give(std::move(with));
      progress_.poll();
    });
  }

  std::unique_ptr<Joiner<Real>> take() {
    auto with = spares_.take();
    with->scorer.reset(points_.estimate, points_.rows);
    return with;
  }

  void give(std::unique_ptr<Joiner<Real>> with) {
    progress_.count({with->scorer.computed() - with->reported, 0});
    with->reported = with->scorer.computed();
    spares_.give(std::move(with));
  }

  const GraphPoints& points_;
  const Descent descent_;
  int threads_;
  Progress& progress_;
  std::int64_t nodes_;
  KnnTable<Real> table_;
  std::int64_t drawn_;  // neighbours that a node draws in a round, of the new and of the old
  Spares<Joiner<Real>> spares_;
};

}  // namespace

template <class Real>
KnnTable<Real> nn_descent(const GraphPoints& points, const Descent& descent, int threads, Progress& progress) {
  return Descender<Real>(points, descent, threads, progress).run();
}

template KnnTable<float> nn_descent(const GraphPoints&, const Descent&, int, Progress&);
template KnnTable<double> nn_descent(const GraphPoints&, const Descent&, int, Progress&);

}  // namespace anear
