#include "kernel/table.h"

#include <functional>
#include <limits>
#include <map>

#include "base/error.h"

namespace anear {
namespace {

using Setter = std::function<void(KernelTable&, const std::string&, std::int64_t)>;

template <class T>
Setter number(T KernelTable::* member) {
  return [member](KernelTable& table, const std::string& name, std::int64_t value) {
    require(
        value >= 0 && static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>(std::numeric_limits<T>::max()),
        "table field '" + name + "' is " + std::to_string(value) + ", which is out of range");
    table.*member = static_cast<T>(value);
  };
}

template <class T>
Setter kernel(T KernelTable::* member) {
  return [member](KernelTable& table, const std::string&, std::int64_t value) {
    table.*member = reinterpret_cast<T>(static_cast<std::uintptr_t>(value));
  };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all = {
      {"abi_version", number(&KernelTable::abi_version)},
      {"arithmetic_bytes", number(&KernelTable::arithmetic_bytes)},
      {"block", number(&KernelTable::block)},
      {"query_tile", number(&KernelTable::query_tile)},
      {"point_tile", number(&KernelTable::point_tile)},
      {"scan_tile", number(&KernelTable::scan_tile)},
      {"query_columns", number(&KernelTable::query_columns)},
      {"point_columns", number(&KernelTable::point_columns)},
      {"query_slots", number(&KernelTable::query_slots)},
      {"point_block_bytes", number(&KernelTable::point_block_bytes)},
      {"maxima", number(&KernelTable::maxima)},
      {"coordinates", number(&KernelTable::coordinates)},
      {"row_bytes", number(&KernelTable::row_bytes)},
      {"row_tile", number(&KernelTable::row_tile)},
      {"plain_query", number(&KernelTable::plain_query)},
      {"prepare_points", kernel(&KernelTable::prepare_points)},
      {"prepare_turned", kernel(&KernelTable::prepare_turned)},
      {"prepare_query", kernel(&KernelTable::prepare_query)},
      {"prepare_rows", kernel(&KernelTable::prepare_rows)},
      {"select", kernel(&KernelTable::select)},
      {"select_one", kernel(&KernelTable::select_one)},
      {"store", kernel(&KernelTable::store)},
      {"store_one", kernel(&KernelTable::store_one)},
      {"look", kernel(&KernelTable::look)},
      {"descend", kernel(&KernelTable::descend)},
      {"gather", kernel(&KernelTable::gather)},
      {"gather_rows", kernel(&KernelTable::gather_rows)},
      {"pair", kernel(&KernelTable::pair)},
  };
  return all;
}

void within(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  require(low <= value && value <= high, std::string("table field '") + name + "' is " + std::to_string(value) +
                                             "; allowed are " + std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace

void Table::set(const std::string& field, std::int64_t value) {
  const auto found = setters().find(field);
  require(found != setters().end(), "unknown table field '" + field + "'");
  found->second(table_, field, value);
}

void Table::check() const {
  const KernelTable& t = table_;
  constexpr std::int64_t kManyColumns = std::int64_t{1} << 31;
  require(t.abi_version == kAbiVersion, "the kernels follow version " + std::to_string(t.abi_version) +
                                            " of the kernel contract, this core version " +
                                            std::to_string(kAbiVersion));
  require(t.arithmetic_bytes == 4 || t.arithmetic_bytes == 8,
          "table field 'arithmetic_bytes' is " + std::to_string(t.arithmetic_bytes) + "; allowed are 4 and 8");
  within("block", t.block, 1, 64);
  within("query_tile", t.query_tile, t.select || t.store ? 1 : 0, 256);
  within("point_tile", t.point_tile, t.select || t.store ? 1 : 0, 256);
  within("scan_tile", t.scan_tile, t.select_one || t.store_one ? 1 : 0, 256);
  within("query_columns", t.query_columns, 1, kManyColumns);
  within("point_columns", t.point_columns, 1, kManyColumns);
  within("query_slots", t.query_slots, t.prepare_query ? 1 : 0, kManyColumns);
  within("point_block_bytes", t.point_block_bytes, t.prepare_points ? 1 : 0, kManyColumns * 64);
  within("maxima", t.maxima, 0, 1 << 20);
  within("row_bytes", t.row_bytes, t.gather_rows ? 1 : 0, kManyColumns * 64);
  within("row_tile", t.row_tile, t.gather_rows ? 1 : 0, 64);
  within("coordinates", t.coordinates, -1, t.point_block_bytes);
  within("plain_query", t.plain_query, 0, t.query_slots == t.query_columns ? 1 : 0);
  if (t.prepare_turned != nullptr) {
    const std::int64_t turned = t.point_columns * t.block * static_cast<std::int64_t>(sizeof(float));
    within("coordinates", t.coordinates, 0, t.point_block_bytes - turned);
  }
}

}  // namespace anear
