// The parts of an ELF64 relocatable object that the loader reads, after the System V and processor ABIs.
#pragma once
#include <cstdint>

namespace anear::elf {

struct Header {
  unsigned char ident[16];
  std::uint16_t type, machine;
  std::uint32_t version;
  std::uint64_t entry, program_offset, section_offset;
  std::uint32_t flags;
  std::uint16_t header_bytes, program_entry_bytes, program_count, section_entry_bytes, section_count, names_section;
};
struct Section {
  std::uint32_t name, type;
  std::uint64_t flags, address, offset, size;
  std::uint32_t link, info;
  std::uint64_t alignment, entry_bytes;
};
struct Symbol {
  std::uint32_t name;
  std::uint8_t info, other;
  std::uint16_t section;
  std::uint64_t value, size;
};
struct Relocation {
  std::uint64_t offset, info;
  std::int64_t addend;
};
static_assert(sizeof(Header) == 64 && sizeof(Section) == 64 && sizeof(Symbol) == 24 && sizeof(Relocation) == 24);

inline constexpr std::uint16_t kRelocatable = 1;
inline constexpr std::uint16_t kX86_64 = 62, kAArch64 = 183;
inline constexpr std::uint32_t kProgBits = 1, kSymbolTable = 2, kStringTable = 3, kRela = 4, kNoBits = 8, kRel = 9;
inline constexpr std::uint64_t kWritable = 1, kAllocated = 2, kExecutable = 4, kThreadLocal = 0x400;
inline constexpr std::uint16_t kUndefined = 0, kFirstReserved = 0xff00, kAbsolute = 0xfff1;
inline constexpr std::uint8_t kLocal = 0, kWeak = 2, kFunction = 2;

// Names and numbers as in the processors' ABI documents.
namespace x86_64 {
inline constexpr std::uint32_t kNone = 0, k64 = 1, kPc32 = 2, kPlt32 = 4, k32 = 10, k32S = 11, kPc64 = 24;
}
namespace aarch64 {
inline constexpr std::uint32_t kNone = 0, kAbs64 = 257, kPrel64 = 260, kPrel32 = 261, kAdrPrelPgHi21 = 275,
                               kAddAbsLo12Nc = 277, kLdst8AbsLo12Nc = 278, kJump26 = 282, kCall26 = 283,
                               kLdst16AbsLo12Nc = 284, kLdst32AbsLo12Nc = 285, kLdst64AbsLo12Nc = 286,
                               kLdst128AbsLo12Nc = 299;
}

}  // namespace anear::elf
