// What calls of method "auto" with few plain queries go by.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "index/short_call.h"

namespace anear::bindings {

namespace nb = nanobind;

// What such calls are known of, by their queries and the neighbours asked for.
class ShortCalls {
 public:
  explicit ShortCalls(nb::object completed) : completed_(std::move(completed)) {}

  void add(std::int64_t k, std::int64_t queries, std::shared_ptr<ShortCall> call);
  void scan_by(nb::object scan);

  // Null if nothing is known of such calls, or no longer.
  std::shared_ptr<ShortCall> find(std::int64_t k, std::int64_t queries);

  // The index that scans; None if nobody has made it.
  nb::object scan();

  // What Python makes of answers of the tree some of which are missing; all if `found` is None.
  nb::object completed(nb::handle query, nb::handle queries, nb::handle k, nb::handle num_threads, nb::handle found);

 private:
  nb::object completed_, scan_ = nb::none();
  std::unordered_map<std::int64_t, std::shared_ptr<ShortCall>> calls_;
  nb::ft_mutex mutex_;
};

}  // namespace anear::bindings
