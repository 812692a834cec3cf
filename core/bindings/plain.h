// What is plain: vectors of NumPy's own type and small whole numbers. A search of one plain query skips the checks that
// cost more than the search; whatever is not plain is left to those who know how to convert it or what to say of it.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <string>

#include "storage/rows.h"

namespace anear::bindings {

namespace nb = nanobind;

// What plain queries hold: finite numbers of one of the two types, all of them above a bound, perhaps not all zero.
struct PlainQueries {
  PlainQueries(const std::string& type, double bound, bool some)
      : storage(type == "float32" ? Storage::float32 : Storage::float64), above(bound), not_zero(some) {
    require(type == "float32" || type == "float64", "type is '" + type + "'; allowed are float32, float64");
  }

  Storage storage;
  double above;
  bool not_zero;
};

// A vector of `columns` such numbers, whose memory is held for as long as this lives.
class PlainRow {
 public:
  PlainRow(nb::handle object, std::int64_t columns, const PlainQueries& queries);
  PlainRow(const PlainRow&) = delete;
  PlainRow& operator=(const PlainRow&) = delete;
  ~PlainRow();

  bool plain() const { return plain_; }
  const Rows& row() const { return row_; }

 private:
  Py_buffer view_{};
  Rows row_;
  bool plain_ = false;
};

// A whole number from 1 to `most`, or `fallback` for None; nothing if it is neither.
std::optional<std::int64_t> plain_number(nb::handle object, std::int64_t most, std::int64_t fallback);

}  // namespace anear::bindings
