// A kernel table with the memory that its addresses point into.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernel/abi.h"
#include "kernel/code.h"

namespace anear {

class Table {
 public:
  explicit Table(std::vector<std::shared_ptr<const Code>> codes) : codes_(std::move(codes)) {}

  // Sets a field of KernelTable by its name: a number, or the address of a kernel. Throws ArgumentError for an unknown
  // name and a number that does not fit.
  void set(const std::string& field, std::int64_t value);
  // Throws ArgumentError when the numbers contradict each other or the core's version of the contract.
  void check() const;

  const KernelTable& kernels() const { return table_; }

 private:
  KernelTable table_;
  std::vector<std::shared_ptr<const Code>> codes_;
};

}  // namespace anear
