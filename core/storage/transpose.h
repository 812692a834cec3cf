// Raw rows to raw blocks, the form in which the `prepare` kernels take them, and prepared lanes back to rows.
#pragma once
#include <cstddef>
#include <cstdint>

#include "storage/rows.h"

namespace anear {

// Writes `blocks` raw blocks ([columns][block] doubles each) made of the rows from `first` on. Lanes past the last row
// repeat it, so that every lane holds a legitimate object.
void transpose_rows(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, double* out);

// Whether `turn_floats` has registers for blocks of so many lanes; a loop over single numbers would gain nothing.
bool can_turn_floats(std::int64_t block);
// The same of float32 rows, kept as floats, each block `stride` bytes behind the other.
void turn_floats(const Rows& rows, std::int64_t first, std::int64_t blocks, std::int64_t block, std::int64_t stride,
                 std::byte* out);

// The first `count` lanes of [slots][block], each lane's numbers behind one another: [count][slots].
void separate_lanes(const float* from, std::int64_t slots, std::int64_t block, std::int64_t count, float* out);
void separate_lanes(const double* from, std::int64_t slots, std::int64_t block, std::int64_t count, double* out);

}  // namespace anear
