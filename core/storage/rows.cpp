#include "storage/rows.h"

#include <array>

namespace anear {
namespace {

struct StorageType {
  Storage storage;
  std::string_view name;
  std::int64_t bytes;
};

constexpr std::array<StorageType, 6> kTypes{{{Storage::float64, "float64", 8},
                                             {Storage::float32, "float32", 4},
                                             {Storage::float16, "float16", 2},
                                             {Storage::bfloat16, "bfloat16", 2},
                                             {Storage::int8, "int8", 1},
                                             {Storage::uint8, "uint8", 1}}};

const StorageType& type(Storage storage) { return kTypes[static_cast<std::size_t>(storage)]; }

}  // namespace

Storage parse_storage(std::string_view name) {
  std::string allowed;
  for (const StorageType& candidate : kTypes) {
    if (candidate.name == name) return candidate.storage;
    allowed += (allowed.empty() ? "" : ", ") + std::string(candidate.name);
  }
  throw ArgumentError("storage is '" + std::string(name) + "'; allowed are " + allowed);
}

std::string_view storage_name(Storage storage) { return type(storage).name; }
std::int64_t storage_bytes(Storage storage) { return type(storage).bytes; }

}  // namespace anear
