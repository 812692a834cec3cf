// anear._core: what anear.index calls, and nothing else does.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/error.h"
#include "base/features.h"
#include "base/parallel.h"
#include "bindings/arrays.h"
#include "bindings/bindings.h"

NB_MODULE(_core, module) {
  namespace nb = nanobind;
  module.doc() = "The compiled core: loads kernels and runs the methods on them.";
  nb::set_leak_warnings(false);  // compiled tables are kept in caches until the process ends, on purpose
  anear::bindings::import_numpy();
  nb::exception<anear::Cancelled>(module, "Cancelled", PyExc_RuntimeError);
  module.def("host_features", &anear::host_features, "Vector instruction sets of this processor, by LLVM's names.");
  module.def("num_threads", &anear::default_threads, "ANEAR_NUM_THREADS, else the processors this process may use.");
  anear::bindings::bind_kernels(module);
  anear::bindings::bind_methods(module);
}
