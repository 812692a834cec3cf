// How packed codes are scanned, by what the processor has.
#pragma once
#include "lists/packed_codes.h"

namespace anear {

// The fastest there is, for codes of so many bits. They differ by a rounding of float32 at most.
PackedScan packed_scan(int bits);

}  // namespace anear
