// A matrix of distances.
#pragma once
#include <cstdint>

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

// A kernel table and the numbers it was captured with.
struct Form {
  const KernelTable* table = nullptr;
  const double* parameters = nullptr;
};

// How a matrix is computed. `guarded` and `exact` go together, and may be missing.
struct MatrixForms {
  Form whole;    // its `store` kernels give every value
  Form guarded;  // the same from less work, but NaN where the value would have lost too many digits
  Form exact;    // its `gather` kernel gives those values, one by one
};

// out[q][p] = the distance of query q and point p. Both sides are prepared in pieces: besides the matrix a few megabytes
// a thread are used, whatever its size.
void pairwise(const MatrixForms& forms, const Rows& queries, const Rows& points, const MatrixView& out, int threads,
              Progress& progress);

}  // namespace anear
