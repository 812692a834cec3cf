#include "bindings/plain.h"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace anear::bindings {

namespace {

// Of finite numbers.
template <class Real>
bool inside(const PlainQueries& queries, const Rows& rows) {
  const std::span<const Real> values(reinterpret_cast<const Real*>(rows.data), rows.count * rows.columns);
  for (std::int64_t row = 0; queries.not_zero && row < rows.count; ++row) {
    const auto here = values.subspan(row * rows.columns, rows.columns);
    if (std::all_of(here.begin(), here.end(), [](Real value) { return value == 0; })) return false;
  }
  if (queries.above == -std::numeric_limits<double>::infinity()) return true;
  bool above = true;
  for (const Real value : values) above &= value > queries.above;
  return above;
}

}  // namespace

PlainRows::PlainRows(nb::handle object, std::int64_t columns, const PlainQueries& queries)
    : rows_{nullptr, 1, columns, queries.storage} {
  if (!is_array(object)) return;
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) != 0) {
    PyErr_Clear();
    return;
  }
  if (view_.ndim != 1 && view_.ndim != 2) return;
  if (!vector()) rows_.count = view_.shape[0];
  rows_.data = static_cast<const std::byte*>(view_.buf);
  const bool aligned = reinterpret_cast<std::uintptr_t>(view_.buf) % storage_bytes(queries.storage) == 0;
  const bool few = vector() || (0 < rows_.count && rows_.count <= kPlainNumbers / columns);
  plain_ = few && view_.shape[view_.ndim - 1] == columns && has_format(view_, queries.storage) && aligned &&
           all_finite(rows_) &&
           (queries.storage == Storage::float32 ? inside<float>(queries, rows_) : inside<double>(queries, rows_));
}

PlainRows::~PlainRows() {
  if (view_.obj != nullptr) PyBuffer_Release(&view_);
}

std::optional<std::int64_t> plain_number(nb::handle object, std::int64_t most, std::int64_t fallback) {
  if (object.is_none()) return fallback;
  if (!PyLong_CheckExact(object.ptr())) return std::nullopt;
  int beyond = 0;
  const std::int64_t number = PyLong_AsLongLongAndOverflow(object.ptr(), &beyond);
  if (beyond != 0 || number < 1 || number > most) return std::nullopt;
  return number;
}

void bind_plain(nb::module_& module) {
  nb::class_<PlainQueries>(module, "PlainQueries", "What plain queries hold.")
      .def(nb::init<const std::string&, double, bool, std::shared_ptr<ShortCalls>>(), nb::arg("type"), nb::arg("above"),
           nb::arg("not_zero"), nb::arg("calls").none() = nb::none());
}

}  // namespace anear::bindings
