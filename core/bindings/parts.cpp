#include "bindings/parts.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <array>
#include <string>

namespace anear::bindings {
namespace {

PartType type_of(const Array& array) {
  if (array.format() == 'B') return PartType::uint8;
  if (array.format() == 'f') return PartType::float32;
  if (array.format() == 'd') return PartType::float64;
  if (array.format() == 'I') return PartType::uint32;
  return array.item_bytes() == 4 ? PartType::int32 : PartType::int64;
}

nb::dlpack::dtype type_of(PartType type) {
  switch (type) {
    case PartType::uint8:
      return nb::dtype<std::uint8_t>();
    case PartType::int32:
      return nb::dtype<std::int32_t>();
    case PartType::uint32:
      return nb::dtype<PointId>();
    case PartType::int64:
      return nb::dtype<std::int64_t>();
    case PartType::float32:
      return nb::dtype<float>();
    case PartType::float64:
      return nb::dtype<double>();
  }
  return {};
}

}  // namespace

StoredArrays::StoredArrays(nb::dict arrays, bool look) {
  for (const auto& [key, value] : arrays) {
    const auto name = nb::cast<std::string>(key);
    const int dimensions = nb::cast<int>(value.attr("ndim")) == 1 ? 1 : 2;
    const Array& array = held_.emplace_back(value, name.c_str(), dimensions, "BiIlqfd");
    const std::int64_t columns = dimensions == 1 ? 0 : array.size(1);
    require(dimensions == 1 || columns >= 1, "'" + name + "' has no columns");
    stored_.parts.push_back({name, type_of(array), array.size(), columns, array.data<const void>()});
  }
  stored_.look = look;
}

nb::dict part_arrays(const std::vector<Part>& parts, nb::handle owner) {
  nb::dict arrays;
  for (const Part& part : parts) {
    const std::array<std::size_t, 2> shape{static_cast<std::size_t>(part.rows), static_cast<std::size_t>(part.columns)};
    arrays[part.name.c_str()] = nb::cast(nb::ndarray<nb::numpy, nb::ro>(
        part.data, part.columns == 0 ? 1 : 2, shape.data(), owner, nullptr, type_of(part.type)));
  }
  return arrays;
}

}  // namespace anear::bindings
