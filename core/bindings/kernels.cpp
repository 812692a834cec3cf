// load_code, Table, and single kernels for tests and benchmarks.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/parallel.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/call.h"
#include "index/pairwise.h"
#include "kernel/table.h"
#include "storage/prepared.h"

namespace anear::bindings {
namespace {

std::shared_ptr<Code> load_code(nb::bytes object) {
  return std::make_shared<Code>(std::span(static_cast<const std::byte*>(object.data()), object.size()));
}

std::shared_ptr<Table> make_table(const std::map<std::string, std::int64_t>& fields,
                                  const std::vector<std::shared_ptr<Code>>& codes) {
  auto table = std::make_shared<Table>(std::vector<std::shared_ptr<const Code>>(codes.begin(), codes.end()));
  for (const auto& [name, value] : fields) table->set(name, value);
  table->check();
  return table;
}

nb::object gather(const Table& table, nb::handle query_row, const std::string& query_storage, nb::handle rows,
                  const std::string& storage, nb::handle ids, nb::handle parameters) {
  const KernelTable& kernels = table.kernels();
  require(kernels.gather && kernels.prepare_query, "the table lacks 'gather' or 'prepare_query'");
  const RowsArray query(query_row, "query_row", query_storage);
  const RowsArray points(rows, "rows", storage);
  const auto wanted = point_ids(ids, "ids");
  const auto numbers = doubles(parameters, "parameters");
  require(query.rows.count == 1 && query.rows.columns == kernels.query_columns, "query_row has the wrong shape");
  require(points.rows.columns == kernels.point_columns, "rows has the wrong number of columns");
  for (const PointId id : wanted) {
    require(id < points.rows.count, [&] { return "ids holds " + std::to_string(id) + ", which is no row"; });
  }
  PreparedQueries prepared;
  prepared.prepare(kernels, numbers.data(), query.rows, 0, 1, 1);
  const auto n = static_cast<std::int64_t>(wanted.size());
  nb::object result = new_array(kernels.arithmetic_bytes == 4 ? "float32" : "float64", n);
  const Array out(result, "result", 1, "fd", true);
  kernels.gather(prepared.query(0), points.rows.data, points.rows.row_bytes(), wanted.data(), n, numbers.data(),
                 out.data<void>());
  return result;
}

double pair(const Table& table, nb::handle a, nb::handle b, nb::handle parameters) {
  const KernelTable& kernels = table.kernels();
  require(kernels.pair != nullptr, "the table lacks 'pair'");
  const Array left(a, "a", 1, "");
  const Array right(b, "b", 1, "");
  const auto numbers = doubles(parameters, "parameters");
  require(left.size() == kernels.query_columns, "a has the wrong number of columns");
  require(right.size() == kernels.point_columns, "b has the wrong number of columns");
  return kernels.pair(left.data<const void>(), right.data<const void>(), numbers.data());
}

void bind_pairwise(nb::handle queries, const std::string& query_storage, nb::handle points,
                   const std::string& point_storage, const Table& table, nb::handle parameters, nb::handle out,
                   int num_threads, nb::handle progress, const Table* guarded, nb::handle guarded_parameters,
                   const Table* exact, nb::handle exact_parameters) {
  const RowsArray left(queries, "queries", query_storage);
  const RowsArray right(points, "points", point_storage);
  const auto numbers = doubles(parameters, "parameters");
  const Array matrix(out, "out", 2, "fd", true);
  require(matrix.size(0) == left.rows.count && matrix.size(1) == right.rows.count, [&] {
    return "out has shape (" + std::to_string(matrix.size(0)) + ", " + std::to_string(matrix.size(1)) +
           "), expected (" + std::to_string(left.rows.count) + ", " + std::to_string(right.rows.count) + ")";
  });
  MatrixView view;
  view.stride = matrix.size(1);
  if (matrix.format() == 'f') {
    view.data32 = matrix.data<float>();
  } else {
    view.data64 = matrix.data<double>();
  }
  std::vector<double> guarded_numbers, exact_numbers;
  MatrixForms forms{{&table.kernels(), numbers.data()}, {}, {}};
  require((guarded == nullptr) == (exact == nullptr), "guarded and exact come together or not at all");
  if (guarded != nullptr) {
    guarded_numbers = doubles(guarded_parameters, "guarded_parameters");
    exact_numbers = doubles(exact_parameters, "exact_parameters");
    forms.guarded = {&guarded->kernels(), guarded_numbers.data()};
    forms.exact = {&exact->kernels(), exact_numbers.data()};
  }
  call(progress, [&](Progress& p) { pairwise(forms, left.rows, right.rows, view, resolve_threads(num_threads), p); });
}

}  // namespace

void bind_kernels(nb::module_& module) {
  nb::class_<Code>(module, "Code", "Machine code loaded into this process; it stays as long as something refers to it.")
      .def_prop_ro("symbols", &Code::symbols, "Addresses of the global functions by name.")
      .def_prop_ro("nbytes", &Code::bytes, "Bytes of memory held.");
  module.def(
      "load_code", &load_code, nb::arg("object_bytes"),
      "Load an ELF64 relocatable object compiled for this machine. RuntimeError if it is damaged or needs what is "
      "not there.");
  nb::class_<Table>(module, "Table", "A kernel table: what a compiled distance can do.")
      .def(nb::new_(&make_table), nb::arg("fields"), nb::arg("codes"),
           "Set the fields of KernelTable (core/kernel/abi.h) by name: numbers and addresses. Keeps `codes` alive.");
  module.def("gather", &gather, nb::arg("table"), nb::arg("query_row"), nb::arg("query_storage"), nb::arg("rows"),
             nb::arg("storage"), nb::arg("ids"), nb::arg("parameters"), "Run the table's gather kernel.");
  module.def("pair", &pair, nb::arg("table"), nb::arg("a"), nb::arg("b"), nb::arg("parameters"),
             "Run the table's pair kernel.");
  module.def(
      "all_finite",
      [](nb::handle array, const std::string& storage, int num_threads) {
        constexpr std::int64_t kAtOnce = 1 << 20;  // so many numbers are looked through before anybody could wait
        const RowsArray rows(array, "rows", storage);
        if (rows.rows.count * rows.rows.columns < kAtOnce) return all_finite(rows.rows);
        bool finite = false;
        call(nb::none(), [&](Progress& p) { finite = all_finite(rows.rows, resolve_threads(num_threads), p); });
        return finite;
      },
      nb::arg("rows"), nb::arg("storage"), nb::arg("num_threads") = 1,
      "Whether no number of the rows is NaN or infinite.");
  module.def("pairwise", &bind_pairwise, nb::arg("queries"), nb::arg("query_storage"), nb::arg("points"),
             nb::arg("point_storage"), nb::arg("table"), nb::arg("parameters"), nb::arg("out"),
             nb::arg("num_threads") = 0, nb::arg("progress") = nb::none(), nb::arg("guarded").none() = nb::none(),
             nb::arg("guarded_parameters") = nb::none(), nb::arg("exact").none() = nb::none(),
             nb::arg("exact_parameters") = nb::none(),
             "Fill `out` with what the table's store kernels compute for every query and point. With a guarded and an "
             "exact table the guarded one's store kernel does it, and the exact one's gather where that gives NaN.");
}

}  // namespace anear::bindings
