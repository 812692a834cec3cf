// Machine code from an ELF64 relocatable object, as a compiler writes it (`.o`), loaded into this process.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "kernel/pages.h"

namespace anear {

// Every field of the object is checked before it is used: a damaged file throws CodeError. (The instructions themselves
// cannot be checked; whoever keeps objects on disk guards them with a checksum.)
class Code {
 public:
  explicit Code(std::span<const std::byte> object);

  // Addresses of the object's global functions.
  const std::map<std::string, std::uintptr_t>& symbols() const { return symbols_; }
  std::size_t bytes() const { return pages_ ? pages_->size() : 0; }

 private:
  std::unique_ptr<Pages> pages_;
  std::map<std::string, std::uintptr_t> symbols_;
};

}  // namespace anear
