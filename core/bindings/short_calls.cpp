#include "bindings/short_calls.h"

#include <nanobind/stl/shared_ptr.h>

#include <algorithm>
#include <utility>

#include "bindings/bindings.h"
#include "bindings/plain.h"

namespace anear::bindings {
namespace {

constexpr int kTries = 256;       // calls between two trials of the way that has been slower
constexpr int kTrial = 4;         // calls of a trial: the first ones take up to twice as long
constexpr double kMost = 3;       // times what was expected: what takes longer was disturbed
constexpr double kFar = 2.5;      // times as long: not worth trying again
constexpr double kSure = 0.9;     // of a scan's time: a tree that is expected to take more is not worth the risk
constexpr double kWeight = 0.25;  // of the latest call in the average of all,
constexpr double kFaster = 0.5;   // and of one that took less: delays only add

std::int64_t key(std::int64_t k, std::int64_t queries) { return k << 32 | queries; }

}  // namespace

ShortCall::ShortCall(double limit, double tree, double scan, int every)
    : give_up_(limit), tree_(tree), scan_(scan), every_(std::clamp(every, 1, kTries)) {
  scans_ = tree_ >= kSure * scan_;
}

// Now and then some calls go the way that has been slower, for it may no longer be: the first ones find nothing in the
// caches, the last is timed.
ShortCall::Way ShortCall::look() {
  const nb::ft_lock_guard lock(mutex_);
  const bool scans = scans_;
  if (trial_ > 0) return {!scans, --trial_ == 0};
  if (++turn_ % (kTries / every_) == 0 && (scans || scan_ < kFar * tree_)) {
    trial_ = kTrial - 1;
    return {!scans, false};
  }
  return {scans, true};
}

void ShortCall::learn(bool scanned, double took) {
  const nb::ft_lock_guard lock(mutex_);
  double& known = scanned ? scan_ : tree_;
  const double other = scanned ? tree_ : scan_;
  if (took < known && scanned != scans_ && took < other) {  // a trial that won: what was expected is out of date
    known = took;
    turn_ = 0;
  } else {
    known += (took < known ? kFaster : kWeight) * (std::min(took, kMost * known) - known);
  }
  scans_ = tree_ >= kSure * scan_;
  left_ = std::min(turn_, every_ - 1);  // the first ones follow each other closely
}

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
  return found == calls_.end() ? nullptr : found->second;
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
      .def(nb::init<double, double, double, int>(), nb::arg("give_up"), nb::arg("tree"), nb::arg("scan"),
           nb::arg("every") = 32)
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
      .def_prop_ro("tree", &ShortCall::tree, "Nanoseconds that calls took in the tree, the latest counting most.")
      .def_prop_ro("scan", &ShortCall::scan, "The same of scans.")
      .def_prop_ro("give_up", &ShortCall::give_up, "With how many blocks a query gives up.");
  nb::class_<ShortCalls>(module, "ShortCalls", "What calls with few plain queries, of a tree or of a scan, go by.")
      .def(nb::init<nb::object>(), nb::arg("completed"))
      .def("add", &ShortCalls::add, nb::arg("k"), nb::arg("queries"), nb::arg("call"))
      .def("scan_by", &ShortCalls::scan_by, nb::arg("scan"));
}

}  // namespace anear::bindings
