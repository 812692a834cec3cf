// A matrix of distances.
#pragma once
#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "kernel/abi.h"
#include "storage/rows.h"

namespace anear {

// The matrix to fill: `rows` x `columns`, rows `stride` numbers apart. One of the pointers is null.
struct MatrixView {
  double* data64 = nullptr;
  float* data32 = nullptr;
  std::int64_t stride = 0;
};

// out[q][p] = what the table's `store` kernels compute for query q and point p. Both sides are prepared in pieces:
// besides the matrix a few megabytes a thread are used, whatever its size.
void pairwise(const KernelTable& table, const double* parameters, const Rows& queries, const Rows& points,
              const MatrixView& out, int threads, Progress& progress);

}  // namespace anear
