// anear._core: what anear.index calls, and nothing else does.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/error.h"
#include "base/features.h"
#include "base/parallel.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"

namespace {

namespace nb = nanobind;

// From now on Error comes out as the exception of this name in anear.errors.
template <class Error>
void translate(const char* name) {
  const auto set = [](const std::exception_ptr& thrown, void* type) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      PyErr_SetString(static_cast<PyObject*>(type), error.what());
    }
  };
  nb::object type = nb::module_::import_("anear.errors").attr(name);
  nb::register_exception_translator(set, type.release().ptr());  // kept until the process ends, as the translator is
}

// Calls `function` with this thread alone.
nb::tuple task_times(nb::handle function) {
  anear::TaskTimes times;
  anear::measure_tasks(&times);
  try {
    function();
  } catch (...) {
    anear::measure_tasks(nullptr);
    throw;
  }
  anear::measure_tasks(nullptr);
  return nb::make_tuple(times.work, times.span);
}

}  // namespace

NB_MODULE(_core, module) {
  module.doc() = "The compiled core: loads kernels and runs the methods on them.";
  nb::set_leak_warnings(false);  // compiled tables are kept in caches until the process ends, on purpose
  anear::bindings::import_numpy();
  translate<anear::ArgumentError>("ArgumentError");
  translate<anear::CodeError>("CompileError");
  translate<anear::Cancelled>("Cancelled");
  module.def("host_features", &anear::host_features, "Vector instruction sets of this processor, by LLVM's names.");
  module.def("allow_features", &anear::allow_features, nb::arg("features"),
             "Use no others of the processor's instruction sets in what is built from now on.");
  module.def("num_threads", &anear::default_threads, "ANEAR_NUM_THREADS, else the processors this process may use.");
  module.def("task_times", &task_times, nb::arg("function"),
             "Call a function on this thread alone; CPU seconds of all tasks in it, and of the longest chain of them.");
  anear::bindings::bind_kernels(module);
  anear::bindings::bind_plain(module);
  anear::bindings::bind_build_data(module);
  anear::bindings::bind_methods(module);
  anear::bindings::bind_short_calls(module);
  anear::bindings::bind_knn_graph(module);
}
