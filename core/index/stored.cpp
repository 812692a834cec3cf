#include "index/stored.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "base/error.h"

namespace anear {
namespace {

const void* checked(const Part& part, PartType type) {
  require(part.type == type, "'" + part.name + "' holds numbers of another type than it should");
  return part.data;
}

}  // namespace

const std::int32_t* Part::integers() const { return static_cast<const std::int32_t*>(checked(*this, PartType::int32)); }
const PointId* Part::ids() const { return static_cast<const PointId*>(type == PartType::uint32 ? data : integers()); }
const std::int64_t* Part::long_integers() const {
  return static_cast<const std::int64_t*>(checked(*this, PartType::int64));
}
const float* Part::floats() const { return static_cast<const float*>(checked(*this, PartType::float32)); }
const double* Part::doubles() const { return static_cast<const double*>(checked(*this, PartType::float64)); }
const std::uint8_t* Part::bytes() const { return static_cast<const std::uint8_t*>(checked(*this, PartType::uint8)); }

Part part(std::string name, const std::vector<std::int32_t>& values) {
  return {std::move(name), PartType::int32, static_cast<std::int64_t>(values.size()), 0, values.data()};
}

// As integers with a sign wherever these suffice: every reader knows them.
Part part(std::string name, const std::vector<PointId>& ids) {
  const bool few = ids.size() <= std::size_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return {std::move(name), few ? PartType::int32 : PartType::uint32, static_cast<std::int64_t>(ids.size()), 0,
          ids.data()};
}

Part part(std::string name, const std::vector<float>& values) {
  return {std::move(name), PartType::float32, static_cast<std::int64_t>(values.size()), 0, values.data()};
}

Part part(std::string name, const std::vector<double>& values) {
  return {std::move(name), PartType::float64, static_cast<std::int64_t>(values.size()), 0, values.data()};
}

const Part* Stored::find(const std::string& name) const {
  for (const Part& part : parts) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

const Part& Stored::get(const std::string& name) const {
  const Part* found = find(name);
  require(found != nullptr, "'" + name + "' is missing");
  return *found;
}

void check_numbers(const Part& part, std::int64_t end) {
  const std::int32_t* numbers = part.integers();
  bool bad = false;
  for (std::int64_t i = 0; i < part.size(); ++i) bad |= numbers[i] < 0 || numbers[i] >= end;
  require(!bad, "'" + part.name + "' holds a number outside of 0 to " + std::to_string(end - 1));
}

}  // namespace anear
