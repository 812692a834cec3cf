// The parts of the module.
#pragma once
#include <nanobind/nanobind.h>

namespace anear::bindings {

void bind_kernels(nanobind::module_& module);
void bind_plain(nanobind::module_& module);
void bind_build_data(nanobind::module_& module);
void bind_methods(nanobind::module_& module);
void bind_short_calls(nanobind::module_& module);
void bind_knn_graph(nanobind::module_& module);

}  // namespace anear::bindings
