// Arrays by name: what a method is written to a file as, and made again from.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/point_id.h"

namespace anear {

enum class PartType { uint8, int32, uint32, int64, float32, float64 };

// A matrix of `rows` x `columns` numbers without gaps; `columns` 0: a vector. A view.
struct Part {
  std::string name;
  PartType type = PartType::uint8;
  std::int64_t rows = 0, columns = 0;
  const void* data = nullptr;

  std::int64_t size() const { return rows * (columns == 0 ? 1 : columns); }
  // Throws ArgumentError if the part holds numbers of another type.
  const std::int32_t* integers() const;
  const PointId* ids() const;
  const std::int64_t* long_integers() const;
  const float* floats() const;
  const double* doubles() const;
  const std::uint8_t* bytes() const;
};

Part part(std::string name, const std::vector<std::int32_t>& values);
Part part(std::string name, const std::vector<PointId>& ids);
Part part(std::string name, const std::vector<float>& values);
Part part(std::string name, const std::vector<double>& values);

// What was stored of a method. It may come from a damaged file, or an enemy's.
struct Stored {
  std::vector<Part> parts;  // their memory outlives the method
  // Whether all numbers are looked at before they are used. Where not, because they lie on disk and a look would read
  // them all, whoever uses them must be safe from any number.
  bool look = true;

  // Null if there is none of that name.
  const Part* find(const std::string& name) const;
  // Throws ArgumentError if there is none.
  const Part& get(const std::string& name) const;
};

// Throws ArgumentError unless all numbers of a vector lie in [0, end).
void check_numbers(const Part& part, std::int64_t end);

}  // namespace anear
