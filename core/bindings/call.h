// Long calls from Python: without the GIL, but with its signals and progress callbacks.
#pragma once
#include <nanobind/nanobind.h>

#include <exception>

#include "base/progress.h"

namespace anear::bindings {

namespace nb = nanobind;

// Runs f(progress) with the GIL released. About ten times a second the calling thread takes the GIL back, lets Python
// handle signals (Ctrl-C) and calls `callback(done, total)` unless it is None. An exception raised there comes out of
// `call`; a callback that returns False makes it throw Cancelled.
template <class F>
void call(nb::handle callback, const F& f) {
  std::exception_ptr raised;
  const auto tick = [&](std::int64_t done, std::int64_t total) {
    const nb::gil_scoped_acquire gil;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      return callback.is_none() || !callback(done, total).is(nb::handle(Py_False));
    } catch (...) {
      raised = std::current_exception();
      return false;
    }
  };
  try {
    const nb::gil_scoped_release released;
    Progress progress{Progress::Callback(std::cref(tick))};
    f(progress);
  } catch (const Cancelled&) {
    if (!raised) throw;
  }
  if (raised) std::rethrow_exception(raised);
}

}  // namespace anear::bindings
