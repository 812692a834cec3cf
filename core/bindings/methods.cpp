// Indexes over every method, and Flat by its own name.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>

#include "base/parallel.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/build_data.h"
#include "bindings/call.h"
#include "bindings/describe.h"
#include "bindings/parts.h"
#include "bindings/plain.h"
#include "bindings/search_data.h"
#include "index/registry.h"

namespace anear::bindings {
namespace {

// A method built over rows, which it keeps alive.
class Index {
 public:
  Index(const std::string& name, nb::handle rows, const std::string& storage, Space space, const BoxData* boxes,
        const BallData* balls, const RowData* row_form, const CodeData* code_form, const Values& parameters,
        int num_threads, nb::handle progress, StoredArrays stored = {})
      : rows_(std::make_unique<RowsArray>(rows, "rows", storage)),
        stored_(std::move(stored)),
        query_columns_(space.exact().query_columns),
        entry_(method(name)) {
    require(rows_->rows.count >= 1 && rows_->rows.columns >= 1, "rows is empty");
    entry_.check_count(rows_->rows.count);
    const std::vector<Parameter>& searching = entry_.search_parameters;
    unlimited_ = parameter_values(searching, {});
    for (std::size_t i = 0; i < searching.size(); ++i) {
      if (searching[i].name == "ef") ef_ = static_cast<std::int64_t>(i);
      if (searching[i].name == "rerank") rerank_ = static_cast<std::int64_t>(i);
      if (searching[i].name == "give_up") give_up_ = static_cast<std::int64_t>(i);
    }
    BuildRequest request{rows_->rows,
                         std::move(space),
                         row_form ? std::optional(row_form->form()) : std::nullopt,
                         code_form ? std::optional(code_form->form()) : std::nullopt,
                         row_form ? row_form->building() : std::nullopt,
                         boxes ? std::optional(boxes->boxes()) : std::nullopt,
                         balls ? std::optional(balls->balls()) : std::nullopt,
                         stored_.stored().parts.empty() ? std::nullopt : std::optional(stored_.stored()),
                         parameter_values(entry_.build_parameters, parameters),
                         resolve_threads(num_threads)};
    call(progress, [&](Progress& p) {
      method_ = entry_.build(std::move(request), p);
      count_building(p);
    });
  }

  nb::object knn(nb::handle queries, const std::string& query_storage, std::int64_t k, int num_threads,
                 nb::handle exclude, nb::handle allow, const std::string& distance_type, nb::handle progress,
                 const Values& parameters, nb::handle effort) const {
    Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, exclude, allow,
               parameters, effort);
    require(k >= 1, [&] { return "k is " + std::to_string(k) + "; it must be at least 1"; });
    require(k <= kMostPoints, [&] { return "k is " + std::to_string(k) + ", which is more than any index holds"; });
    const std::int64_t count = given.queries.rows.count;
    const KnnArrays found = KnnArrays::of(count, k, checked_type(distance_type));
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      given.admit(*method_, changed_);
      method_->knn(given.request, found.answer, p);
      tally(p);
    });
    return found.pair();
  }

  nb::object one(nb::handle query, const PlainQueries& queries, nb::handle k, nb::handle num_threads, nb::handle ef,
                 double give_up, nb::handle rerank) const {
    const PlainRows plain(query, query_columns_, queries);
    const auto count = plain_number(k, kPlainAnswers, -1), threads = plain_number(num_threads, kPlainThreads, 0);
    const auto width = plain_number(ef, kPlainLimit, 0), compared = plain_number(rerank, kPlainLimit, 0);
    if (!plain.plain() || !threads || !width || !compared || count.value_or(-1) < 0) return nb::none();
    if ((*width > 0 && ef_ < 0) || (*compared > 0 && rerank_ < 0)) return nb::none();
    const std::int64_t rows = plain.rows().count;
    if (rows * *count > kPlainPlaces) return nb::none();
    if (give_up != 0 || !queries.calls) return nearest(plain, *count, *threads, {*width, *compared, give_up}).pair();
    ShortCalls& calls = *queries.calls;
    const auto known = *width > 0 ? nullptr : calls.find(*count, rows);
    if (!known) return nb::none();
    const auto [scans, timed] = known->next();
    const double start = timed ? thread_seconds() : 0;
    const nb::object scan = scans ? calls.scan() : nb::none();
    nb::object found = nb::none();
    if (!scans || !scan.is_none()) {
      const Index& index = scans ? nb::cast<const Index&>(scan) : *this;
      const KnnArrays answers = index.nearest(plain, *count, *threads, {0, 0, scans ? 0 : known->give_up()});
      found = answers.pair();
      if (scans || answers.complete(rows)) {
        if (timed) known->learn(scans, 1e9 * (thread_seconds() - start));
        return found;
      }
      known->doubt();  // what takes so long is looked at
    }
    found = calls.completed(query, nb::find(queries), k, num_threads, found);
    if (timed) known->learn(scans, 1e9 * (thread_seconds() - start));
    return found;
  }

  nb::object range(nb::handle queries, const std::string& query_storage, nb::handle radius_rank, nb::handle radius,
                   nb::handle exclude, nb::handle allow, int num_threads, const std::string& distance_type,
                   nb::handle progress, const Values& parameters, nb::handle effort) const {
    Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, exclude, allow,
               parameters, effort);
    const Radii radii(radius_rank, radius, given.queries.rows.count);
    checked_type(distance_type);
    RangeAnswer answer;
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      given.admit(*method_, changed_);
      answer = method_->range(given.request, radii.request(), p);
      tally(p);
    });
    return range_result(answer, distance_type.c_str());
  }

  nb::object listed(nb::handle queries, const std::string& query_storage, nb::handle radius_rank, nb::handle sure_rank,
                    nb::handle radius, bool distances, int num_threads, nb::handle progress) const {
    const Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, nb::none(),
                     nb::none(), {}, nb::none());
    const Radii radii(radius_rank, radius, given.queries.rows.count, sure_rank);
    ListAnswer answer;
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      answer = method_->list(given.request, radii.request(), distances, p);
      tally(p);
    });
    return list_result(answer, given.queries.rows.count, distances);
  }

  nb::object listed_one(nb::handle query, const PlainQueries& queries, double radius_rank, double sure_rank,
                        double radius, nb::handle num_threads) const {
    const PlainRows plain(query, query_columns_, queries);
    const auto threads = plain_number(num_threads, kPlainThreads, 0);
    if (!plain.plain() || !plain.vector() || !threads) return nb::none();
    const SearchRequest request = plain_request(plain, *threads);
    ListAnswer answer;
    call(nb::none(), [&](Progress& p) {
      const Gate::Inside inside(gate_);
      answer = method_->list(request, {&radius_rank, &radius, &sure_rank}, false, p);
      tally(p);
    });
    return ids_of_one(answer);
  }

  nb::object join(nb::handle queries, const std::string& query_storage, double radius_rank, double sure_rank,
                  double radius, bool distances, int num_threads, nb::handle progress) const {
    const Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, nb::none(),
                     nb::none(), {}, nb::none());
    JoinAnswer answer;
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      answer = method_->join(given.request, {&radius_rank, &radius, &sure_rank, 1}, distances, p);
      tally(p);
    });
    return join_result(answer, distances);
  }

  nb::object count(nb::handle queries, const std::string& query_storage, nb::handle radius_rank, nb::handle sure_rank,
                   nb::handle radius, nb::handle exclude, nb::handle allow, int num_threads, nb::handle progress,
                   const Values& parameters, nb::handle effort) const {
    Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, exclude, allow,
               parameters, effort);
    const Radii radii(radius_rank, radius, given.queries.rows.count, sure_rank);
    nb::object result = new_array("int64", given.queries.rows.count);
    const Array out(result, "counts", 1, "lq", true);
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      given.admit(*method_, changed_);
      const auto counts = method_->count(given.request, radii.request(), p);
      std::copy(counts.begin(), counts.end(), out.data<std::int64_t>());
      tally(p);
    });
    return result;
  }

  nb::object pairs(nb::handle queries, const std::string& query_storage, nb::handle radius_rank, nb::handle sure_rank,
                   nb::handle radius, int num_threads, nb::handle progress) const {
    const Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, nb::none(),
                     nb::none(), {}, nb::none());
    const std::int64_t shared = Array(radius, "radius", 1, "d").size();
    const Radii radii(radius_rank, radius, shared, sure_rank);
    nb::object result = new_array("int64", shared);
    const Array out(result, "pairs", 1, "lq", true);
    call(progress, [&](Progress& p) {
      const Gate::Inside inside(gate_);
      auto request = radii.request();
      request.shared = shared;
      const auto found = method_->pairs(given.request, request, p);
      std::copy(found.begin(), found.end(), out.data<std::int64_t>());
      tally(p);
    });
    return result;
  }

  nb::object sums(nb::handle queries, const std::string& query_storage, std::shared_ptr<Table> value,
                  nb::handle parameters, nb::handle value_queries, nb::handle atol, double rtol, nb::handle weights,
                  int num_threads, nb::handle progress) const {
    const Call given(entry_.search_parameters, query_columns_, queries, query_storage, num_threads, nb::none(),
                     nb::none(), {}, nb::none());
    const std::int64_t count = given.queries.rows.count;
    const RowsArray taken(value_queries, "value_queries", "float64");
    const auto allowed = doubles(atol, "atol");
    const auto weighted = weights.is_none() ? std::vector<double>() : doubles(weights, "weights");
    const auto numbers = doubles(parameters, "parameters");
    value->check();
    const KernelTable& table = value->kernels();
    require(table.prepare_points && table.prepare_query && table.store_one && table.arithmetic_bytes == 8 &&
                table.point_columns == 1 && table.query_columns == taken.rows.columns,
            "the table of values is none of float64 points of one column, or does not fit its queries");
    require(taken.rows.count == count && static_cast<std::int64_t>(allowed.size()) == count,
            "value_queries and atol must have an entry a query");
    require(weighted.empty() || static_cast<std::int64_t>(weighted.size()) == points(),
            "weights must have an entry a point");
    nb::object result = new_array("float64", count);
    const Array out(result, "sums", 1, "d", true);
    call(progress, [&](Progress& p) {
      const auto found = method_->sums(
          given.request,
          {value, numbers, taken.rows, allowed.data(), rtol, weighted.empty() ? nullptr : weighted.data()}, p);
      std::copy(found.begin(), found.end(), out.data<double>());
      tally(p);
    });
    return result;
  }

  nb::dict parts(nb::handle self) const { return part_arrays(method_->parts(), self); }

  // Takes in the rows behind those it has; `rows` are all of them.
  void add(nb::handle rows, const std::string& storage, const RowData* row_form, int num_threads, nb::handle progress) {
    auto all = std::make_unique<RowsArray>(rows, "rows", storage);
    const Rows before = rows_->rows;
    require(
        all->rows.count > before.count && all->rows.columns == before.columns && all->rows.storage == before.storage,
        "rows are not those there were with others behind them");
    entry_.check_count(all->rows.count);
    const Change change{all->rows, row_form ? std::optional(row_form->form()) : std::nullopt,
                        resolve_threads(num_threads)};
    const auto settle = [&] {
      if (method_->points() != before.count) std::swap(rows_, all);
    };
    try {
      call(progress, [&](Progress& p) {
        const std::lock_guard alone(begin_change());
        changed_ = true;
        method_->add(change, gate_, p);
        count_building(p);
      });
    } catch (...) {
      settle();
      throw;
    }
    settle();
  }

  void remove(nb::handle points, const RowData* row_form, int num_threads, nb::handle progress) {
    std::vector<PointId> gone = point_ids(points, "points");
    const Change change{rows_->rows, row_form ? std::optional(row_form->form()) : std::nullopt,
                        resolve_threads(num_threads)};
    std::sort(gone.begin(), gone.end());
    call(progress, [&](Progress& p) {
      const std::lock_guard alone(begin_change());
      const Alive* alive = method_->alive();
      require(alive != nullptr, "this method's points are fixed");
      alive->check_removal(gone);
      if (!gone.empty()) method_->remove(gone, change, gate_, p);
      count_building(p);
    });
  }

  nb::object check() const {
    Checked checked;
    call(nb::none(), [&](Progress&) {
      const Gate::Inside inside(gate_);
      checked = method_->check();
    });
    nb::list faults;
    for (const std::string& fault : checked.faults) faults.append(nb::str(fault.c_str()));
    return nb::make_tuple(checked.sound, checked.live, checked.reachable, faults);
  }

  std::int64_t points() const {
    return inside([&] { return method_->points(); });
  }
  std::int64_t live() const {
    return inside([&] { return method_->alive() == nullptr ? method_->points() : method_->alive()->count(); });
  }
  std::int64_t bytes() const {
    return inside([&] { return method_->bytes(); });
  }

  nb::object computed() const { return nb::make_tuple(building_.load(), scanned_.load(), exact_.load()); }

  nb::object visits() const { return nb::make_tuple(nodes_.load(), leaves_.load(), settled_.load()); }

  nb::object order() const {
    const std::vector<PointId> ids = inside([&] { return method_->order(); });
    nb::object result = new_array("int64", ids.empty() ? points() : static_cast<std::int64_t>(ids.size()));
    const Array out(result, "order", 1, "lq", true);
    auto* values = out.data<std::int64_t>();
    for (std::int64_t i = 0; i < out.size(); ++i) values[i] = ids.empty() ? i : ids[i];
    return result;
  }

  nb::object maxima() const {
    const auto& values = method_->maxima();
    nb::object result = new_array("float64", static_cast<std::int64_t>(values.size()));
    const Array out(result, "maxima", 1, "d", true);
    std::copy(values.begin(), values.end(), out.data<double>());
    return result;
  }

 private:
  // What a plain search is told besides; 0: nothing.
  struct Told {
    std::int64_t ef, rerank;
    double give_up;
  };

  KnnArrays nearest(const PlainRows& plain, std::int64_t k, std::int64_t threads, const Told& told) const {
    const char* type = plain.rows().storage == Storage::float32 ? "float32" : "float64";
    KnnArrays found = plain.vector() ? KnnArrays(new_array("int64", k), new_array(type, k), 1, k)
                                     : KnnArrays::of(plain.rows().count, k, type);
    SearchRequest request = plain_request(plain, threads);
    if (told.ef > 0) request.parameters[ef_] = static_cast<double>(told.ef);
    if (told.rerank > 0) request.parameters[rerank_] = static_cast<double>(told.rerank);
    if (told.give_up > 0 && give_up_ >= 0) request.parameters[give_up_] = told.give_up;
    call(nb::none(), [&](Progress& p) {
      const Gate::Inside inside(gate_);
      method_->knn(request, found.answer, p);
      tally(p);
    });
    return found;
  }

  SearchRequest plain_request(const PlainRows& queries, std::int64_t threads) const {
    return {queries.rows(), resolve_threads(static_cast<int>(threads)), nullptr, nullptr, nullptr, unlimited_};
  }

  void tally(const Progress& progress) const {
    const Computed more = progress.computed();
    scanned_ += more.scanned;
    exact_ += more.exact;
    const Visits visits = progress.visits();
    if (visits.nodes == 0) return;
    nodes_ += visits.nodes;
    leaves_ += visits.leaves;
    settled_ += visits.settled;
  }

  void count_building(const Progress& progress) {
    building_ += progress.computed().scanned + progress.computed().exact;
  }

  // Nobody waits at the gate with Python's lock: whoever is inside may need it.
  template <class Look>
  auto inside(const Look& look) const -> decltype(look()) {
    const nb::gil_scoped_release released;
    const Gate::Inside entered(gate_);
    return look();
  }

  // One change at a time, and none from within a search, which it would wait for.
  std::mutex& begin_change() {
    require(!gate_.entered(), "the points of an index cannot be changed from within one of its searches");
    return changing_;
  }

  std::unique_ptr<RowsArray> rows_;
  StoredArrays stored_;
  std::int64_t query_columns_;
  const MethodEntry& entry_;
  std::vector<double> unlimited_;                      // the search-time parameters where nothing is said
  std::int64_t ef_ = -1, rerank_ = -1, give_up_ = -1;  // the places of these among them
  std::unique_ptr<Method> method_;
  mutable Gate gate_;
  std::mutex changing_;
  std::atomic<bool> changed_{false};
  std::atomic<std::int64_t> building_{0};
  mutable std::atomic<std::int64_t> scanned_{0}, exact_{0}, nodes_{0}, leaves_{0},
      settled_{0};  // by all searches so far
};

struct Flat : Index {
  using Index::Index;
};

}  // namespace

void bind_methods(nb::module_& module) {
  module.def("methods", &describe_methods, "What methods there are, with their parameters.");
  nb::class_<Index>(module, "Index", "A method built over rows.")
      .def(
          "__init__",
          [](Index* self, const std::string& name, nb::handle rows, const std::string& storage,
             std::shared_ptr<Table> search, std::shared_ptr<Table> exact, nb::handle search_parameters,
             nb::handle exact_parameters, nb::handle slack_slots, double slack_scale, double relative,
             const Values& parameters, int num_threads, nb::handle progress, std::int64_t offset_slot,
             const BoxData* boxes, const BallData* balls, const RowData* row_form, const CodeData* code_form,
             nb::dict stored, bool look) {
            new (self)
                Index(name, rows, storage,
                      make_space(std::move(search), std::move(exact), search_parameters, exact_parameters, slack_slots,
                                 slack_scale, relative, offset_slot),
                      boxes, balls, row_form, code_form, parameters, num_threads, progress, {std::move(stored), look});
          },
          nb::arg("method"), nb::arg("rows"), nb::arg("storage"), nb::arg("search"), nb::arg("exact"),
          nb::arg("search_parameters"), nb::arg("exact_parameters"), nb::arg("slack_slots"), nb::arg("slack_scale"),
          nb::arg("relative"), nb::arg("parameters"), nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(),
          nb::arg("offset_slot") = -1, nb::arg("boxes") = nb::none(), nb::arg("balls") = nb::none(),
          nb::arg("row_form") = nb::none(), nb::arg("code_form") = nb::none(), nb::arg("stored") = nb::dict(),
          nb::arg("look") = true)
      .def("knn", &Index::knn, nb::arg("queries"), nb::arg("query_storage"), nb::arg("k"), nb::arg("num_threads") = 0,
           nb::arg("exclude") = nb::none(), nb::arg("allow") = nb::none(), nb::arg("distance_type") = "float32",
           nb::arg("progress") = nb::none(), nb::arg("parameters") = Values{}, nb::arg("effort") = nb::none(),
           "(ids, distances), both (queries, k); -1 and inf where there are fewer.")
      .def("one", &Index::one, nb::arg("query").none(), nb::arg("queries"), nb::arg("k").none(),
           nb::arg("num_threads").none(), nb::arg("ef").none(), nb::arg("give_up") = 0.0,
           nb::arg("rerank") = nb::none(),
           "(ids, distances) of one plain query, (k,), or of some, (queries, k); None if they are not plain. With "
           "give_up ids are -1 where a query gave up.")
      .def("range", &Index::range, nb::arg("queries"), nb::arg("query_storage"), nb::arg("radius_rank"),
           nb::arg("radius"), nb::arg("exclude") = nb::none(), nb::arg("allow") = nb::none(),
           nb::arg("num_threads") = 0, nb::arg("distance_type") = "float32", nb::arg("progress") = nb::none(),
           nb::arg("parameters") = Values{}, nb::arg("effort") = nb::none(),
           "(ids, distances, offsets): query q's answers lie at offsets[q]:offsets[q + 1].")
      .def("count", &Index::count, nb::arg("queries"), nb::arg("query_storage"), nb::arg("radius_rank"),
           nb::arg("sure_rank"), nb::arg("radius"), nb::arg("exclude") = nb::none(), nb::arg("allow") = nb::none(),
           nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(), nb::arg("parameters") = Values{},
           nb::arg("effort") = nb::none(), "How many points each query has within its radius.")
      .def("pairs", &Index::pairs, nb::arg("queries"), nb::arg("query_storage"), nb::arg("radius_rank"),
           nb::arg("sure_rank"), nb::arg("radius"), nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(),
           "How many pairs of a query and a point lie within each radius; the radii rise.")
      .def("sums", &Index::sums, nb::arg("queries"), nb::arg("query_storage"), nb::arg("value"), nb::arg("parameters"),
           nb::arg("value_queries"), nb::arg("atol"), nb::arg("rtol"), nb::arg("weights") = nb::none(),
           nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(),
           "The sum over all points of a falling function of the rank, which `value` computes, for each query.")
      .def("listed", &Index::listed, nb::arg("queries"), nb::arg("query_storage"), nb::arg("radius_rank"),
           nb::arg("sure_rank"), nb::arg("radius"), nb::arg("distances"), nb::arg("num_threads") = 0,
           nb::arg("progress") = nb::none(),
           "Ids within each query's radius, rising, or with distances in any order: (ids, distances or None, offsets).")
      .def("listed_one", &Index::listed_one, nb::arg("query").none(), nb::arg("queries"), nb::arg("radius_rank"),
           nb::arg("sure_rank"), nb::arg("radius"), nb::arg("num_threads").none(),
           "Ids within a radius of one plain query, rising; None if it is not plain.")
      .def("join", &Index::join, nb::arg("queries"), nb::arg("query_storage"), nb::arg("radius_rank"),
           nb::arg("sure_rank"), nb::arg("radius"), nb::arg("distances"), nb::arg("num_threads") = 0,
           nb::arg("progress") = nb::none(),
           "Pairs of points within a radius of each other, each once, and their distances or None.")
      .def("add", &Index::add, nb::arg("rows"), nb::arg("storage"), nb::arg("row_form") = nb::none(),
           nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(),
           "Takes in the rows behind those there are, while others search.")
      .def("remove", &Index::remove, nb::arg("points"), nb::arg("row_form") = nb::none(), nb::arg("num_threads") = 0,
           nb::arg("progress") = nb::none(), "Leaves points out from now on, while others search.")
      .def("check", &Index::check, "(sound, live points, points in reach, faults in words).")
      .def_prop_ro("points", &Index::points, "How many points it has ever had, those removed as well.")
      .def_prop_ro("live", &Index::live, "How many points were not removed.")
      .def_prop_ro("order", &Index::order, "The points' ids in the order in which the method keeps them.")
      .def_prop_ro("maxima", &Index::maxima, "Largest values over all points that enter the rounding bound.")
      .def_prop_ro("computed", &Index::computed,
                   "Distances computed: while building, then by searches (scanned, exact).")
      .def_prop_ro("visits", &Index::visits,
                   "Of a tree, by searches: nodes whose children were bounded, leaves scanned, and nodes and leaves of "
                   "which the bound alone told enough.")
      .def_prop_ro(
          "parts", [](nb::handle_t<Index> self) { return nb::cast<const Index&>(self).parts(self); },
          "Arrays that the method is made again from, by name: views, valid until the index changes.")
      .def_prop_ro("nbytes", &Index::bytes, "Bytes held beside the rows.");
  nb::class_<Flat, Index>(module, "Flat", "Exact search by scanning every point.")
      .def(
          "__init__",
          [](Flat* self, nb::handle rows, const std::string& storage, std::shared_ptr<Table> search,
             std::shared_ptr<Table> exact, nb::handle search_parameters, nb::handle exact_parameters,
             nb::handle slack_slots, double slack_scale, double relative, int num_threads, nb::handle progress,
             std::int64_t offset_slot) {
            new (self) Flat("flat", rows, storage,
                            make_space(std::move(search), std::move(exact), search_parameters, exact_parameters,
                                       slack_slots, slack_scale, relative, offset_slot),
                            nullptr, nullptr, nullptr, nullptr, Values{}, num_threads, progress);
          },
          nb::arg("rows"), nb::arg("storage"), nb::arg("search"), nb::arg("exact"), nb::arg("search_parameters"),
          nb::arg("exact_parameters"), nb::arg("slack_slots"), nb::arg("slack_scale"), nb::arg("relative"),
          nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(), nb::arg("offset_slot") = -1);
}

}  // namespace anear::bindings
