// What every method offers, and how it declares itself.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/gate.h"
#include "base/progress.h"
#include "index/alive.h"
#include "index/space.h"
#include "index/stored.h"
#include "result/neighbor.h"
#include "storage/codes.h"
#include "storage/point_rows.h"
#include "storage/rows.h"

namespace anear {

// What all searches of a call have in common.
struct SearchRequest {
  Rows queries;
  int threads = 1;
  const PointId* exclude = nullptr;     // one id a query that is no answer to it (kNobody: none); null: none at all
  const std::uint8_t* allow = nullptr;  // bit i (little-endian): point i may be an answer; null: all may
  std::int32_t* effort = nullptr;       // one number a query, filled by trees: blocks looked at, negative where the
                                        // search gave up; null: not wanted
  std::vector<double> parameters;       // in the order of `search_parameters`
};

// Filled by `knn`: k a query, sorted by (distance, id); id -1 and distance inf where there are fewer. One of the two
// distance arrays is null.
struct KnnAnswer {
  std::int64_t k = 0;
  std::int64_t* ids = nullptr;
  double* distances64 = nullptr;
  float* distances32 = nullptr;

  // Asks for the memory of some queries' answers, which will be written soon and lie in no cache: each query would wait
  // for it.
  void prefetch(const PointId* queries, std::int64_t count) const;

  // `found`: at most k, sorted.
  void write(std::int64_t query, std::span<const Neighbor> found) const {
    if (k != 1 || found.size() != 1 || distances64 == nullptr) return write_all(query, found);
    ids[query] = found[0].id;
    distances64[query] = found[0].distance;
  }

 private:
  void write_all(std::int64_t query, std::span<const Neighbor> found) const;
};

struct RangeRequest {
  const double* radius_rank = nullptr;  // per query: rank of the radius
  const double* radius = nullptr;       // per query: the largest distance of an answer
  const double* sure_rank = nullptr;    // per query: everything of a smaller rank is within the radius; for counting
  std::int64_t shared = 0;  // for `pairs`: the arrays are not one radius a query but so many for all, rising
};

// A sum over all points of a function of the rank that falls as it rises and is nowhere below 0: `value`, a table that
// computes in float64 and takes a rank as a point of one column.
struct SumRequest {
  std::shared_ptr<const Table> value;
  std::vector<double> parameters;
  Rows queries;                  // of `value`, one for each query
  const double* atol = nullptr;  // per query: the sum may be off by atol + rtol * sum
  double rtol = 0;
  const double* weights = nullptr;  // per point, none below 0; null: all are 1
};

// Query q's answers lie at [offsets[q], offsets[q + 1]), sorted by (distance, id).
struct RangeAnswer {
  RangeAnswer() = default;
  explicit RangeAnswer(std::vector<std::vector<Neighbor>> found);  // one sorted list a query

  std::vector<std::int64_t> ids;
  std::vector<double> distances;
  std::vector<std::int64_t> offsets;
};

// For each query the ids of its answers: rising, or with distances in whatever order.
struct ListAnswer {
  // What a task has listed: the answers of `queries`, one query behind the other; those of queries[i] end at ends[i].
  struct Part {
    std::vector<PointId> queries, ids;
    std::vector<double> distances;
    std::vector<std::int64_t> ends;
  };

  std::vector<std::int64_t> offsets(std::int64_t queries) const;
  // Query q's answers to ids[offsets[q]] and on; `distances` is null where there are none.
  void write(const std::vector<std::int64_t>& offsets, std::int64_t* ids, double* distances) const;

  std::vector<Part> parts;
};

// Pairs of points, each once, in whatever order.
struct JoinAnswer {
  struct Part {
    std::vector<PointId> ids;       // two a pair, the smaller one first
    std::vector<double> distances;  // one a pair where they are wanted
  };

  std::int64_t pairs() const;
  void write(std::int64_t* ids, double* distances) const;

  std::vector<Part> parts;
};

// What a method is told of points that come or go.
struct Change {
  Rows rows;                        // all points: those there were, and new ones behind them; outlives the method
  std::optional<RowForm> row_form;  // as when it was built
  int threads = 1;
};

// What a look at a method's whole structure has found.
struct Checked {
  bool sound = true;                // all is as it should be, but for points out of reach
  std::int64_t live = 0;            // points that were not removed
  std::int64_t reachable = 0;       // those of them that a search can come to
  std::vector<std::string> faults;  // in words, the first few
};

class Method {
 public:
  virtual ~Method() = default;
  virtual void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const = 0;
  virtual RangeAnswer range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const = 0;
  // Which points each query has within its radius; nothing is excluded and no effort kept.
  virtual ListAnswer list(const SearchRequest& request, const RangeRequest& radii, bool distances,
                          Progress& progress) const;
  // Which points have distances within the one shared radius; the queries are all points, in order, and it is all the
  // same which of two is the query. Nothing is excluded and no effort kept.
  virtual JoinAnswer join(const SearchRequest& request, const RangeRequest& radii, bool distances,
                          Progress& progress) const;
  // How many points each query has within its radius.
  virtual std::vector<std::int64_t> count(const SearchRequest& request, const RangeRequest& radii,
                                          Progress& progress) const;
  // How many pairs of a query and a point lie within each of the shared radii; nothing is excluded and no effort kept.
  virtual std::vector<std::int64_t> pairs(const SearchRequest& request, const RangeRequest& radii,
                                          Progress& progress) const;
  // The sum for each query. Trees that search in float64 have it; others throw ArgumentError.
  virtual std::vector<double> sums(const SearchRequest& request, const SumRequest& summed, Progress& progress) const;
  // How many points there are.
  virtual std::int64_t points() const = 0;
  // Memory of the method's own, beside the rows.
  virtual std::int64_t bytes() const = 0;
  // Largest values over all points that enter the rounding bound.
  virtual const std::vector<double>& maxima() const = 0;
  // The points' ids in the order in which the method keeps them; empty: as they came.
  virtual const std::vector<PointId>& order() const {
    static const std::vector<PointId> none;
    return none;
  }
  // What the method is made again from, beside the rows: views, valid until it changes. Empty: it is built anew.
  virtual std::vector<Part> parts() const { return {}; }
  // Points come and go while others search: what they look at changes only while nobody is inside the gate. What is
  // thrown leaves the points as they were.
  virtual void add(const Change& change, Gate& gate, Progress& progress);
  virtual void remove(const std::vector<PointId>& points, const Change& change, Gate& gate, Progress& progress);
  // Which points there still are; null: none can be removed.
  virtual const Alive* alive() const { return nullptr; }
  virtual Checked check() const { return {true, points(), points(), {}}; }
};

// A parameter of a method, declared once: Python, the command line, the documentation and messages all read this.
struct Parameter {
  std::string name;
  std::string type;  // "int", "float" or "bool"
  double low, high, fallback;
  std::string meaning;
};

// What a tree of boxes is built from and searched with. A box is the smallest and the largest of each coordinate over
// the points in it; as a row for `bound`: the smallest of the first coordinates, the largest of them, the largest of the
// extra ones, the smallest of them.
struct Boxes {
  Estimate bound;                 // computes a rank that no point in the box is below
  Rows low, high;                 // one row a point: what its coordinates are at least and at most
  Rows split;                     // one row a point: what cells are cut by
  std::int64_t extras;            // the last so many coordinates are extra ones, and never cut
  std::optional<Estimate> upper;  // computes a rank that no point in the box is above

  // Throws ArgumentError if these are no boxes of `points` for a search with `search`.
  void check(const Rows& points, const KernelTable& search) const;
};

// What a tree of balls is built from and searched with. A ball is a centre and a radius that no point in it is farther
// away than; as a row for `bound`: the centre's coordinates, then the radius.
struct Balls {
  Estimate bound;                      // computes a rank that no point in the ball is below
  std::shared_ptr<const Table> reach;  // float64: what the distance from an object to rows is at most
  std::vector<double> reach_parameters;
  bool means = false;  // whether a mean of points may be a centre, as a point may

  // Throws ArgumentError if these do not fit `points` and a search with `search`.
  void check(const Rows& points, const KernelTable& search) const;
};

// What a graph is built by, where points are not compared as queries are with points.
struct Building {
  Estimate estimate;  // only its values count, and their offset
  RowForm form;
  std::optional<CodeForm> code_form;  // walks go through codes, for as long as it takes

  // Throws ArgumentError if this does not fit the points.
  void check(const Rows& points) const;
};

struct BuildRequest {
  Rows rows;  // must outlive the method
  Space space;
  std::optional<RowForm> row_form;    // for methods that keep prepared rows
  std::optional<CodeForm> code_form;  // for graphs: walk through codes
  std::optional<Building> building;   // the same; not given: what they are searched with
  std::optional<Boxes> boxes;         // for methods that want them
  std::optional<Balls> balls;         // the same
  std::optional<Stored> stored;       // the parts of such a method, which is made of them instead; see Method::parts
  std::vector<double> parameters;     // in the order of `build_parameters`
  int threads = 1;
};

struct MethodEntry {
  std::string meaning;
  std::vector<Parameter> build_parameters;
  std::vector<Parameter> search_parameters;
  std::unique_ptr<Method> (*build)(BuildRequest request, Progress& progress);
  bool graph = false;  // walks through a graph: takes prepared rows, and `ef` when it searches
  std::int64_t most_points = kMostPoints;

  // Throws ArgumentError if these are more points than it takes.
  void check_count(std::int64_t points) const;
};

// Of methods whose own numbers have a sign.
constexpr std::int64_t kMostSigned = (std::int64_t{1} << 31) - (1 << 20);

}  // namespace anear
