#include "bindings/plain.h"

#include "bindings/arrays.h"

namespace anear::bindings {

PlainRow::PlainRow(nb::handle object, std::int64_t columns, Storage storage) : row_{nullptr, 1, columns, storage} {
  if (!is_array(object)) return;
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) != 0) {
    PyErr_Clear();
    return;
  }
  row_.data = static_cast<const std::byte*>(view_.buf);
  plain_ = view_.ndim == 1 && view_.shape[0] == columns && has_format(view_, storage) && all_finite(row_);
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

}  // namespace anear::bindings
