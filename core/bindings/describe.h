// The table of methods as dicts of Python.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <vector>

#include "index/registry.h"

namespace anear::bindings {

namespace nb = nanobind;

inline nb::list describe(const std::vector<Parameter>& parameters) {
  nb::list all;
  for (const Parameter& parameter : parameters) {
    nb::dict one;
    one["name"] = parameter.name;
    one["type"] = parameter.type;
    one["low"] = parameter.low;
    one["high"] = parameter.high;
    one["default"] = parameter.fallback;
    one["meaning"] = parameter.meaning;
    all.append(one);
  }
  return all;
}

inline nb::dict describe_methods() {
  nb::dict all;
  for (const auto& [name, entry] : methods()) {
    nb::dict one;
    one["meaning"] = entry->meaning;
    one["graph"] = entry->graph;
    one["build_parameters"] = describe(entry->build_parameters);
    one["search_parameters"] = describe(entry->search_parameters);
    all[name.c_str()] = one;
  }
  return all;
}

}  // namespace anear::bindings
