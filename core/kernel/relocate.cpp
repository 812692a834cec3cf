#include "kernel/relocate.h"

#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"
#include "kernel/elf.h"

namespace anear {
namespace {

[[noreturn]] void out_of_range() { throw CodeError("the object's relocation does not reach its target"); }

void need(std::size_t room, std::size_t bytes) {
  if (room < bytes) throw CodeError("the object has a relocation outside its section");
}

template <class T>
void put(std::byte* place, T value) {
  std::memcpy(place, &value, sizeof value);
}

std::uint32_t instruction(const std::byte* place) {
  std::uint32_t value = 0;
  std::memcpy(&value, place, sizeof value);
  return value;
}

// `place` and `target` may lie in either order.
std::int64_t distance(std::uint64_t target, const std::byte* place) {
  return static_cast<std::int64_t>(target - reinterpret_cast<std::uintptr_t>(place));
}

void put_signed_32(std::byte* place, std::int64_t value) {
  if (value != static_cast<std::int32_t>(value)) out_of_range();
  put(place, static_cast<std::int32_t>(value));
}

void relocate_x86_64(std::uint32_t type, std::byte* place, std::size_t room, std::uint64_t target) {
  using namespace elf::x86_64;
  switch (type) {
    case kNone:
      return;
    case k64:
      need(room, 8);
      return put(place, target);
    case kPc64:
      need(room, 8);
      return put(place, distance(target, place));
    case kPc32:
    case kPlt32:  // everything lies in one region: no procedure linkage table is needed
      need(room, 4);
      return put_signed_32(place, distance(target, place));
    case k32:
      need(room, 4);
      if (target > std::numeric_limits<std::uint32_t>::max()) out_of_range();
      return put(place, static_cast<std::uint32_t>(target));
    case k32S:
      need(room, 4);
      return put_signed_32(place, static_cast<std::int64_t>(target));
    default:
      throw CodeError("the object uses x86-64 relocation type " + std::to_string(type) + ", which is not supported");
  }
}

// A 12-bit page offset goes to bits 10 to 21, in units of the access size.
void put_page_offset(std::byte* place, std::uint64_t target, unsigned log2_access) {
  const auto low = static_cast<std::uint32_t>(target & 0xfff);
  if (low & ((1u << log2_access) - 1)) throw CodeError("the object accesses misaligned data");
  put(place, (instruction(place) & ~(0xfffu << 10)) | ((low >> log2_access) << 10));
}

void put_branch(std::byte* place, std::uint64_t target) {
  const std::int64_t offset = distance(target, place);
  if ((offset & 3) != 0 || offset < -(std::int64_t{1} << 27) || offset >= (std::int64_t{1} << 27)) out_of_range();
  put(place, (instruction(place) & 0xfc000000u) | (static_cast<std::uint32_t>(offset >> 2) & 0x03ffffffu));
}

void put_page(std::byte* place, std::uint64_t target) {
  const auto here = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(place));
  const std::int64_t pages = static_cast<std::int64_t>((target & ~0xfffull) - (here & ~0xfffull)) >> 12;
  if (pages < -(1 << 20) || pages >= (1 << 20)) out_of_range();
  const auto bits = static_cast<std::uint32_t>(pages);
  const std::uint32_t cleared = instruction(place) & ~((3u << 29) | (0x7ffffu << 5));
  put(place, cleared | ((bits & 3u) << 29) | (((bits >> 2) & 0x7ffffu) << 5));
}

void relocate_aarch64(std::uint32_t type, std::byte* place, std::size_t room, std::uint64_t target) {
  using namespace elf::aarch64;
  if (type == kNone) return;
  need(room, type == kAbs64 || type == kPrel64 ? 8 : 4);
  switch (type) {
    case kAbs64:
      return put(place, target);
    case kPrel64:
      return put(place, distance(target, place));
    case kPrel32:
      return put_signed_32(place, distance(target, place));
    case kCall26:
    case kJump26:
      return put_branch(place, target);
    case kAdrPrelPgHi21:
      return put_page(place, target);
    case kAddAbsLo12Nc:
    case kLdst8AbsLo12Nc:
      return put_page_offset(place, target, 0);
    case kLdst16AbsLo12Nc:
      return put_page_offset(place, target, 1);
    case kLdst32AbsLo12Nc:
      return put_page_offset(place, target, 2);
    case kLdst64AbsLo12Nc:
      return put_page_offset(place, target, 3);
    case kLdst128AbsLo12Nc:
      return put_page_offset(place, target, 4);
    default:
      throw CodeError("the object uses AArch64 relocation type " + std::to_string(type) + ", which is not supported");
  }
}

}  // namespace

std::uint16_t host_machine() {
#if defined(__x86_64__) || defined(_M_X64)
  return elf::kX86_64;
#elif defined(__aarch64__) || defined(_M_ARM64)
  return elf::kAArch64;
#else
  return 0;
#endif
}

void relocate(std::uint16_t machine, std::uint32_t type, std::byte* place, std::size_t room, std::uint64_t target) {
  if (machine == elf::kX86_64) return relocate_x86_64(type, place, room, target);
  if (machine == elf::kAArch64) return relocate_aarch64(type, place, room, target);
  throw CodeError("the object is for machine " + std::to_string(machine) + ", which is not supported");
}

}  // namespace anear
