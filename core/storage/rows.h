// Raw rows: objects as the user stores them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/half.h"
#include "base/progress.h"

namespace anear {

enum class Storage { float64, float32, float16, bfloat16, int8, uint8 };

Storage parse_storage(std::string_view name);  // throws ArgumentError
std::string_view storage_name(Storage storage);
inline std::int64_t storage_bytes(Storage storage) {
  constexpr std::int64_t kBytes[]{8, 4, 2, 2, 1, 1};
  return kBytes[static_cast<int>(storage)];
}

// `count` rows of `columns` numbers each, without gaps. A view: the owner keeps the memory alive.
struct Rows {
  const std::byte* data = nullptr;
  std::int64_t count = 0;
  std::int64_t columns = 0;
  Storage storage = Storage::float32;

  std::int64_t row_bytes() const { return columns * storage_bytes(storage); }
  const std::byte* row(std::int64_t i) const { return data + i * row_bytes(); }
};

// A stored number, exactly: every type narrower than float fits one.
inline double widened(double v) { return v; }
inline float widened(float v) { return v; }
inline float widened(Float16 v) { return widen(v); }
inline float widened(BFloat16 v) { return widen(v); }
inline float widened(std::int8_t v) { return v; }
inline float widened(std::uint8_t v) { return v; }

// Whether no number of the rows is NaN or infinite.
bool all_finite(const Rows& rows);
bool all_finite(const Rows& rows, int threads, Progress& progress);

// Calls f with a null pointer of the storage's C++ type.
template <class F>
decltype(auto) with_storage_type(Storage storage, F&& f) {
  switch (storage) {
    case Storage::float64:
      return f(static_cast<const double*>(nullptr));
    case Storage::float32:
      return f(static_cast<const float*>(nullptr));
    case Storage::float16:
      return f(static_cast<const Float16*>(nullptr));
    case Storage::bfloat16:
      return f(static_cast<const BFloat16*>(nullptr));
    case Storage::int8:
      return f(static_cast<const std::int8_t*>(nullptr));
    case Storage::uint8:
      return f(static_cast<const std::uint8_t*>(nullptr));
  }
  throw ArgumentError("unknown storage type");
}

}  // namespace anear
