// Relocations: writing final addresses into loaded machine code.
#pragma once
#include <cstddef>
#include <cstdint>

namespace anear {

// Patches the place at `place` (of which `room` bytes belong to its section) for relocation `type` of `machine` (ELF's
// number) against `target` = symbol + addend. Throws CodeError for a type outside the supported set, a place that ends
// outside its section, a value out of range or an instruction that the relocation does not fit.
void relocate(std::uint16_t machine, std::uint32_t type, std::byte* place, std::size_t room, std::uint64_t target);

// ELF's number of the machine this library was compiled for.
std::uint16_t host_machine();

}  // namespace anear
