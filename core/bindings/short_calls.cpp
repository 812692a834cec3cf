#include "bindings/short_calls.h"

#include <nanobind/stl/shared_ptr.h>

#include <algorithm>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/plain.h"

namespace anear::bindings {
namespace {

std::int64_t key(std::int64_t k, std::int64_t queries) { return k << 32 | queries; }

}  // namespace

void ShortCalls::add(std::int64_t k, std::int64_t queries, std::shared_ptr<ShortCall> call) {
  if (0 >= k || k > kPlainAnswers || 0 >= queries || queries > kPlainNumbers) return;
  const nb::ft_lock_guard lock(mutex_);
  calls_[key(k, queries)] = std::move(call);
}

void ShortCalls::scan_by(nb::object scan) {
  const nb::ft_lock_guard lock(mutex_);
  scan_ = std::move(scan);
}

std::shared_ptr<ShortCall> ShortCalls::find(std::int64_t k, std::int64_t queries) {
  const nb::ft_lock_guard lock(mutex_);
  const auto found = calls_.find(key(k, queries));
  return found == calls_.end() || found->second->over() ? nullptr : found->second;
}

nb::object ShortCalls::scan() {
  const nb::ft_lock_guard lock(mutex_);
  return scan_;
}

nb::object ShortCalls::completed(nb::handle query, nb::handle queries, nb::handle k, nb::handle num_threads,
                                 nb::handle found) {
  const nb::object method = completed_();
  return method.is_none() ? nb::none() : method(query, queries, k, num_threads, found);
}

void bind_short_calls(nb::module_& module) {
  nb::class_<ShortCall>(module, "ShortCall", "Calls with so few queries: each goes down a tree or is scanned for.")
      .def(nb::init<double, double, double, int, bool>(), nb::arg("give_up"), nb::arg("tree"), nb::arg("scan"),
           nb::arg("every") = 32, nb::arg("until_scans") = false)
      .def(
          "next",
          [](ShortCall& self) {
            const auto [scans, timed] = self.next();
            return nb::make_tuple(scans, timed);
          },
          "Whether a call is scanned for, and whether its time is wanted.")
      .def("learn", &ShortCall::learn, nb::arg("scanned"), nb::arg("took"), "What a call took, in nanoseconds.")
      .def("doubt", &ShortCall::doubt, "The next call is to be looked at.")
      .def_prop_ro("scans", &ShortCall::scans, "Which way calls go.")
      .def_prop_ro("over", &ShortCall::over, "Whether calls are no longer to go by this.")
      .def_prop_ro("tree", &ShortCall::tree, "Nanoseconds that calls took in the tree, the latest counting most.")
      .def_prop_ro("scan", &ShortCall::scan, "The same of scans.")
      .def_prop_ro("give_up", &ShortCall::give_up, "With how many blocks a query gives up.");
  nb::class_<ShortCalls>(module, "ShortCalls", "What calls with few plain queries, of a tree or of a scan, go by.")
      .def(nb::init<nb::object>(), nb::arg("completed"))
      .def("add", &ShortCalls::add, nb::arg("k"), nb::arg("queries"), nb::arg("call"))
      .def("scan_by", &ShortCalls::scan_by, nb::arg("scan"));
}

}  // namespace anear::bindings
