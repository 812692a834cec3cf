// The nearest neighbours of every point, without an index.
#include "graph/knn_graph.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include "base/parallel.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/build_data.h"
#include "bindings/call.h"

namespace anear::bindings {
namespace {

nb::object knn_graph_of(nb::handle rows, const std::string& storage, const Estimate& search,
                        std::shared_ptr<Table> exact, nb::handle exact_parameters, const RowData& row_form,
                        std::int64_t k, const std::map<std::string, double>& parameters,
                        const std::string& distance_type, int num_threads, nb::handle progress) {
  const RowsArray points(rows, "rows", storage);
  require(points.rows.count <= kMostSigned, "rows has more than " + std::to_string(kMostSigned) + " rows");
  require(k >= 1, "k is " + std::to_string(k) + "; it must be at least 1");
  require(distance_type == "float32" || distance_type == "float64",
          "distance_type is '" + distance_type + "'; allowed are float32, float64");
  const auto given = [&](const char* name, double otherwise) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? otherwise : found->second;
  };
  Descent descent;
  descent.k = static_cast<std::int64_t>(given("nn", static_cast<double>(k)));
  descent.rho = given("rho", descent.rho);
  descent.delta = given("delta", descent.delta);
  descent.trees = static_cast<std::int64_t>(given("trees", static_cast<double>(descent.trees)));
  descent.seed = static_cast<std::uint64_t>(given("seed", 0));
  nb::object ids = new_array("int64", points.rows.count, k);
  nb::object distances = new_array(distance_type.c_str(), points.rows.count, k);
  const Array ids_out(ids, "ids", 2, "lq", true);
  const Array distances_out(distances, "distances", 2, "fd", true);
  const bool single = distances_out.format() == 'f';
  const KnnAnswer answer{k, ids_out.data<std::int64_t>(), single ? nullptr : distances_out.data<double>(),
                         single ? distances_out.data<float>() : nullptr};
  const Space space{search, std::move(exact), doubles(exact_parameters, "exact_parameters")};
  call(progress, [&](Progress& p) {
    knn_graph(points.rows, space, row_form.form(), descent, resolve_threads(num_threads), answer, p);
  });
  return nb::make_tuple(ids, distances);
}

}  // namespace

void bind_knn_graph(nb::module_& module) {
  module.def("knn_graph", &knn_graph_of, nb::arg("rows"), nb::arg("storage"), nb::arg("search"), nb::arg("exact"),
             nb::arg("exact_parameters"), nb::arg("row_form"), nb::arg("k"), nb::arg("parameters"),
             nb::arg("distance_type"), nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(),
             "(ids, distances), both (rows, k): nearly the nearest other rows of every row, by NN-descent.");
}

}  // namespace anear::bindings
