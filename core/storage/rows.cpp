#include "storage/rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "base/features.h"
#include "base/intrinsics.h"
#include "base/parallel.h"

namespace anear {
namespace {

struct StorageType {
  Storage storage;
  std::string_view name;
};

constexpr std::array<StorageType, 6> kTypes{{{Storage::float64, "float64"},
                                             {Storage::float32, "float32"},
                                             {Storage::float16, "float16"},
                                             {Storage::bfloat16, "bfloat16"},
                                             {Storage::int8, "int8"},
                                             {Storage::uint8, "uint8"}}};

const StorageType& type(Storage storage) { return kTypes[static_cast<std::size_t>(storage)]; }

// A number is NaN or infinite where all bits of its exponent are set. A loop without a branch becomes vector code.
template <class Bits, Bits exponent>
ANEAR_INLINE bool finite_loop(const std::byte* data, std::int64_t count) {
  Bits bad = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    bad |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return bad == 0;
}

#ifdef ANEAR_AVX2
template <class Bits, Bits exponent>
ANEAR_AVX2 bool finite_wide(const std::byte* data, std::int64_t count) {
  return finite_loop<Bits, exponent>(data, count);
}
#endif

template <class Bits, Bits exponent>
bool finite(const std::byte* data, std::int64_t count) {
#ifdef ANEAR_AVX2
  if (may_use_avx2()) return finite_wide<Bits, exponent>(data, count);
#endif
  return finite_loop<Bits, exponent>(data, count);
}

}  // namespace

Storage parse_storage(std::string_view name) {
  for (const StorageType& candidate : kTypes) {
    if (candidate.name == name) return candidate.storage;
  }
  std::string allowed;
  for (const StorageType& candidate : kTypes) allowed += (allowed.empty() ? "" : ", ") + std::string(candidate.name);
  throw ArgumentError("storage is '" + std::string(name) + "'; allowed are " + allowed);
}

std::string_view storage_name(Storage storage) { return type(storage).name; }

bool all_finite(const Rows& rows) {
  const std::int64_t count = rows.count * rows.columns;
  switch (rows.storage) {
    case Storage::float64:
      return finite<std::uint64_t, 0x7ff0000000000000>(rows.data, count);
    case Storage::float32:
      return finite<std::uint32_t, 0x7f800000>(rows.data, count);
    case Storage::float16:
      return finite<std::uint16_t, 0x7c00>(rows.data, count);
    case Storage::bfloat16:
      return finite<std::uint16_t, 0x7f80>(rows.data, count);
    default:
      return true;
  }
}

bool all_finite(const Rows& rows, int threads, Progress& progress) {
  constexpr std::int64_t kNumbers = 128 << 10;  // a task
  const std::int64_t each = std::max<std::int64_t>(kNumbers / rows.columns, 1), tasks = (rows.count + each - 1) / each;
  std::atomic<bool> finite{true};
  parallel_for(tasks, threads, progress, [&](std::int64_t task) {
    const std::int64_t first = task * each, count = std::min(each, rows.count - first);
    if (finite && !all_finite({rows.row(first), count, rows.columns, rows.storage})) finite = false;
  });
  return finite;
}

}  // namespace anear
