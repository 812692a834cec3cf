// Applies relocations given on standard input, for test_relocate.py: lines of `machine type offset instruction target`,
// all hexadecimal; offset and target count from a page-aligned base. Prints the eight bytes at the place, or `refused`.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "kernel/relocate.h"

alignas(4096) static std::byte base[1 << 16];

int main() {
  unsigned machine = 0, type = 0;
  unsigned long long offset = 0, instruction = 0;
  long long target = 0;
  while (std::scanf("%x %x %llx %llx %lld", &machine, &type, &offset, &instruction, &target) == 5) {
    std::memcpy(base + offset, &instruction, 8);
    const auto address = reinterpret_cast<std::uintptr_t>(base) + static_cast<std::uint64_t>(target);
    try {
      anear::relocate(static_cast<std::uint16_t>(machine), type, base + offset, 8, address);
      std::memcpy(&instruction, base + offset, 8);
      std::printf("%016llx\n", instruction);
    } catch (const anear::CodeError&) {
      std::puts("refused");
    }
  }
}
