// The arrays that a method is made of, to Python and back.
#pragma once
#include <nanobind/nanobind.h>

#include <vector>

#include "bindings/arrays.h"
#include "index/stored.h"

namespace anear::bindings {

// Stored parts whose arrays are held for as long as this lives.
class StoredArrays {
 public:
  StoredArrays() = default;
  // `arrays`: by name; vectors or matrices of uint8, int32, int64, float32 or float64. `look`: see Stored.
  StoredArrays(nb::dict arrays, bool look);
  const Stored& stored() const { return stored_; }

 private:
  std::vector<Array> held_;
  Stored stored_;
};

// Read-only arrays by name over the parts' own memory, which `owner` keeps.
nb::dict part_arrays(const std::vector<Part>& parts, nb::handle owner);

}  // namespace anear::bindings
