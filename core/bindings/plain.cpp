#include "bindings/plain.h"

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
bool inside(const PlainQueries& queries, const Rows& row) {
  const std::span<const Real> values(reinterpret_cast<const Real*>(row.data), row.columns);
  if (queries.not_zero && std::all_of(values.begin(), values.end(), [](Real value) { return value == 0; }))
    return false;
  if (queries.above == -std::numeric_limits<double>::infinity()) return true;
  bool above = true;
  for (const Real value : values) above &= value > queries.above;
  return above;
}

}  // namespace

PlainRow::PlainRow(nb::handle object, std::int64_t columns, const PlainQueries& queries)
    : row_{nullptr, 1, columns, queries.storage} {
  if (!is_array(object)) return;
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) != 0) {
    PyErr_Clear();
    return;
  }
  row_.data = static_cast<const std::byte*>(view_.buf);
  const bool aligned = reinterpret_cast<std::uintptr_t>(view_.buf) % storage_bytes(queries.storage) == 0;
  plain_ = view_.ndim == 1 && view_.shape[0] == columns && has_format(view_, queries.storage) && aligned &&
           all_finite(row_) &&
           (queries.storage == Storage::float32 ? inside<float>(queries, row_) : inside<double>(queries, row_));
}

PlainRow::~PlainRow() {
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
      .def(nb::init<const std::string&, double, bool>(), nb::arg("type"), nb::arg("above"), nb::arg("not_zero"));
}

}  // namespace anear::bindings
