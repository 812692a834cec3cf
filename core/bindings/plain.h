// What is plain: arrays of NumPy's own type and small whole numbers. A search of one plain query, or of some, skips the
// checks that cost more than the search; whatever is not plain is left to those who know how to convert it or what to say
// of it.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bindings/short_calls.h"
#include "storage/rows.h"

namespace anear::bindings {

namespace nb = nanobind;

// A plain search asks for no more than this; larger numbers are looked at by those who know what is allowed.
constexpr std::int64_t kPlainAnswers = 4096, kPlainThreads = 1024;
constexpr std::int64_t kPlainLimit = std::numeric_limits<std::int32_t>::max();  // of a search's own numbers
constexpr std::int64_t kPlainNumbers = 1 << 16;  // of all queries, looked at by one thread with Python's lock
constexpr std::int64_t kPlainPlaces = 1 << 18;   // of all answers
constexpr double kNeverGivesUp = -1;

// What plain queries hold: finite numbers of one of the two types, all of them above a bound, perhaps not all zero.
// Where there are `calls`, few queries go by these.
struct PlainQueries {
  PlainQueries(const std::string& type, double bound, bool some, std::shared_ptr<ShortCalls> short_calls)
      : storage(type == "float32" ? Storage::float32 : Storage::float64),
        above(bound),
        not_zero(some),
        calls(std::move(short_calls)) {
    require(type == "float32" || type == "float64", "type is '" + type + "'; allowed are float32, float64");
  }

  Storage storage;
  double above;
  bool not_zero;
  std::shared_ptr<ShortCalls> calls;
};

// A vector of `columns` such numbers, or some rows of them, whose memory is held for as long as this lives.
class PlainRows {
 public:
  PlainRows(nb::handle object, std::int64_t columns, const PlainQueries& queries);
  PlainRows(const PlainRows&) = delete;
  PlainRows& operator=(const PlainRows&) = delete;
  ~PlainRows();

  bool plain() const { return plain_; }
  bool vector() const { return view_.ndim == 1; }
  const Rows& rows() const { return rows_; }

 private:
  Py_buffer view_{};
  Rows rows_;
  bool plain_ = false;
};

// A whole number from 1 to `most`, or `fallback` for None; nothing if it is neither.
std::optional<std::int64_t> plain_number(nb::handle object, std::int64_t most, std::int64_t fallback);

}  // namespace anear::bindings
