#include "bindings/arrays.h"

#include <nanobind/stl/string.h>

#include <cstring>
#include <utility>

namespace anear::bindings {
namespace {

// A format is one character, perhaps after '@', '=' or '<' (native or little-endian byte order, which is the same here).
char format_of(const Py_buffer& view) {
  const char* text = view.format ? view.format : "B";
  if (*text == '@' || *text == '=' || *text == '<') ++text;
  return std::strlen(text) == 1 ? *text : '\0';
}

const char* storage_format(Storage storage) {
  switch (storage) {
    case Storage::float64:
      return "d";
    case Storage::float32:
      return "f";
    case Storage::float16:
      return "e";
    case Storage::bfloat16:
      return "H";
    case Storage::int8:
      return "b";
    case Storage::uint8:
      return "B";
  }
  return "";
}

nb::object numpy_attribute(const char* name) { return nb::module_::import_("numpy").attr(name); }

// NumPy's own objects are never collected, so references to them may be kept for good.
struct NumPy {
  PyObject* array = numpy_attribute("ndarray").release().ptr();
  PyObject* empty = numpy_attribute("empty").release().ptr();
  PyObject* int64 = numpy_attribute("dtype")("int64").release().ptr();
  PyObject* float32 = numpy_attribute("dtype")("float32").release().ptr();
  PyObject* float64 = numpy_attribute("dtype")("float64").release().ptr();

  nb::handle type(const char* name) const {
    if (std::strcmp(name, "int64") == 0) return int64;
    return std::strcmp(name, "float32") == 0 ? float32 : float64;
  }
};

const NumPy& numpy() {
  static const NumPy objects;
  return objects;
}

}  // namespace

Array::Array(nb::handle object, const char* name, int dimensions, const char* formats, bool writable) {
  const int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
    PyErr_Clear();
    throw ArgumentError(std::string(name) + " is " + nb::cast<std::string>(nb::str(object.type().attr("__name__"))) +
                        "; it must be a C-contiguous " + (writable ? "writable " : "") + "array");
  }
  format_ = format_of(view_);
  std::string error;
  if (view_.ndim != dimensions) {
    error = " has " + std::to_string(view_.ndim) + " dimensions, expected " + std::to_string(dimensions);
  } else if (*formats != '\0' && (format_ == '\0' || std::strchr(formats, format_) == nullptr)) {
    error = std::string(" has items of format '") + (view_.format ? view_.format : "B") + "', expected one of '" +
            formats + "'";
  }
  if (!error.empty()) {
    PyBuffer_Release(&view_);
    throw ArgumentError(name + error);
  }
}

Array::Array(Array&& other) noexcept : view_(other.view_), format_(other.format_) { other.view_.obj = nullptr; }

Array::~Array() {
  if (view_.obj != nullptr) PyBuffer_Release(&view_);
}

RowsArray::RowsArray(nb::handle object, const char* name, const std::string& storage)
    : array(object, name, 2, storage_format(parse_storage(storage))),
      rows{array.data<const std::byte>(), array.size(0), array.size(1), parse_storage(storage)} {
  require(rows.count <= kMostPoints, [&] {
    return std::string(name) + " has " + std::to_string(rows.count) + " rows; allowed are " +
           std::to_string(kMostPoints);
  });
}

std::vector<double> doubles(nb::handle object, const char* name) {
  const Array array(object, name, 1, "d");
  return {array.data<const double>(), array.data<const double>() + array.size()};
}

std::vector<std::int32_t> integers(nb::handle object, const char* name) {
  const Array array(object, name, 1, "il");
  require(array.item_bytes() == 4, std::string(name) + " must be an int32 array");
  return {array.data<const std::int32_t>(), array.data<const std::int32_t>() + array.size()};
}

std::vector<PointId> point_ids(nb::handle object, const char* name) {
  const Array array(object, name, 1, "I");
  return {array.data<const PointId>(), array.data<const PointId>() + array.size()};
}

bool is_array(nb::handle object) { return object.type().ptr() == numpy().array; }

bool has_format(const Py_buffer& view, Storage storage) {
  const char format = format_of(view);
  return format != '\0' && format == *storage_format(storage);
}

void import_numpy() { numpy(); }

nb::object new_array(const char* type, std::int64_t rows, std::int64_t columns) {
  return nb::handle(numpy().empty)(nb::make_tuple(rows, columns), numpy().type(type));
}

nb::object new_array(const char* type, std::int64_t size) {
  return nb::handle(numpy().empty)(size, numpy().type(type));
}

}  // namespace anear::bindings
