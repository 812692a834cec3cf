// NumPy arrays at the border: read through the buffer protocol, which costs a fraction of a microsecond.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/point_id.h"
#include "storage/rows.h"

namespace anear::bindings {

namespace nb = nanobind;

// A C-contiguous array whose memory is held for as long as this lives. Errors name the argument.
class Array {
 public:
  // `formats`: the allowed format characters of Python's struct module, or empty for any.
  Array(nb::handle object, const char* name, int dimensions, const char* formats, bool writable = false);
  Array(Array&& other) noexcept;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array& operator=(Array&&) = delete;
  ~Array();

  std::int64_t size(int dimension = 0) const { return view_.shape[dimension]; }
  std::int64_t item_bytes() const { return view_.itemsize; }
  char format() const { return format_; }
  template <class T>
  T* data() const {
    return static_cast<T*>(view_.buf);
  }

 private:
  Py_buffer view_{};
  char format_ = 'B';
};

// A 2-D array as raw rows of the named storage type. bfloat16 comes as uint16.
struct RowsArray {
  RowsArray(nb::handle object, const char* name, const std::string& storage);
  Array array;
  Rows rows;
};

std::vector<double> doubles(nb::handle object, const char* name);
std::vector<std::int32_t> integers(nb::handle object, const char* name);
std::vector<PointId> point_ids(nb::handle object, const char* name);

// Whether it is an array of NumPy's own type, and none of a type derived from it.
bool is_array(nb::handle object);

// Whether items are of the storage type, in this machine's byte order.
bool has_format(const Py_buffer& view, Storage storage);

// Fetches what the others need of NumPy. Called while the module is imported: a later first use could find another
// thread half way through it, with the lock that this one waits for.
void import_numpy();

// A new NumPy array; `type` is one of "int64", "float32", "float64".
nb::object new_array(const char* type, std::int64_t rows, std::int64_t columns);
nb::object new_array(const char* type, std::int64_t size);

}  // namespace anear::bindings
