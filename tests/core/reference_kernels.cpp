// Squared L2 as a kernel table, for the core's own tests: compiled to an object file and loaded like any other.
// -DREAL: arithmetic type, -DROW: storage type, -DDIM, -DBLOCK, -DQUERY_TILE, -DPOINT_TILE, -DSCAN_TILE, -DBILINEAR=0|1.
// parameters[0] scales every value.
#include <cstdint>
#include <limits>

namespace {

// direct: x. bilinear: -2x, then c(x) = |x|^2, |2x|, 1.
constexpr int kQuerySlots = BILINEAR ? DIM + 3 : DIM;
// direct: y. bilinear: y, then |y|^2.
constexpr int kPointSlots = BILINEAR ? DIM + 1 : DIM;

double root(double v) { return __builtin_sqrt(v); }
void raise(double* maximum, double v) {
  if (!(v <= *maximum)) *maximum = v;
}

REAL value(const REAL* query, const REAL* block, int lane, REAL scale) {
  REAL sum = BILINEAR ? block[DIM * BLOCK + lane] : 0;
  for (int i = 0; i < DIM; ++i) {
    const REAL y = block[i * BLOCK + lane];
    const REAL difference = query[i] - y;
    sum += BILINEAR ? query[i] * y : difference * difference;
  }
  return scale * sum;
}

void select_queries(int queries, const REAL* query, const REAL* points, std::int64_t n_blocks, std::int64_t first_block,
                    const double* parameters, const REAL* limits, REAL* values, std::int32_t* blocks,
                    std::int32_t* counts, std::int64_t capacity) {
  for (int q = 0; q < queries; ++q) {
    for (std::int64_t b = 0; b < n_blocks; ++b) {
      REAL* out = values + (q * capacity + counts[q]) * BLOCK;
      bool hit = false;
      for (int lane = 0; lane < BLOCK; ++lane) {
        out[lane] = value(query + q * kQuerySlots, points + b * kPointSlots * BLOCK, lane, parameters[0]);
        hit = hit || !(out[lane] >= limits[q]);
      }
      if (hit) blocks[q * capacity + counts[q]++] = static_cast<std::int32_t>(first_block + b);
    }
  }
}

void store_queries(int queries, const REAL* query, const REAL* points, std::int64_t n_blocks, const double* parameters,
                   REAL* out, std::int64_t out_stride, std::int32_t* missing) {
  for (int q = 0; q < queries; ++q) {
    for (std::int64_t i = 0; i < n_blocks * BLOCK; ++i) {
      REAL& to = out[q * out_stride + i];
      to = value(query + q * kQuerySlots, points + i / BLOCK * kPointSlots * BLOCK, static_cast<int>(i % BLOCK),
                 parameters[0]);
      if (!(to < GUARD)) continue;
      to = std::numeric_limits<REAL>::quiet_NaN();
      *missing = 1;
    }
  }
}

}  // namespace

extern "C" {

void prepare_points(const double* raw, std::int64_t n_blocks, const double*, void* out, double* maxima) {
  for (std::int64_t b = 0; b < n_blocks; ++b, raw += DIM * BLOCK) {
    REAL* block = static_cast<REAL*>(out) + b * kPointSlots * BLOCK;
    for (int lane = 0; lane < BLOCK; ++lane) {
      double norm = 0;
      for (int i = 0; i < DIM; ++i) {
        const double y = raw[i * BLOCK + lane];
        block[i * BLOCK + lane] = static_cast<REAL>(y);
        norm += y * y;
      }
      if (!BILINEAR) continue;
      block[DIM * BLOCK + lane] = static_cast<REAL>(norm);
      if (maxima) raise(maxima, root(norm));
      if (maxima) raise(maxima + 1, norm);
    }
  }
}

void prepare_query(const double* raw, std::int64_t n_blocks, const double*, void* out, double*) {
  for (std::int64_t b = 0; b < n_blocks; ++b, raw += DIM * BLOCK) {
    REAL* block = static_cast<REAL*>(out) + b * kQuerySlots * BLOCK;
    for (int lane = 0; lane < BLOCK; ++lane) {
      double norm = 0;
      for (int i = 0; i < DIM; ++i) {
        const double x = raw[i * BLOCK + lane];
        block[i * BLOCK + lane] = static_cast<REAL>(BILINEAR ? -2 * x : x);
        norm += x * x;
      }
      if (!BILINEAR) continue;
      block[DIM * BLOCK + lane] = static_cast<REAL>(norm);
      block[(DIM + 1) * BLOCK + lane] = static_cast<REAL>(2 * root(norm));
      block[(DIM + 2) * BLOCK + lane] = 1;
    }
  }
}

void select(const void* queries, const void* points, std::int64_t n_blocks, std::int64_t first_block,
            const double* parameters, const void* limits, void* values, std::int32_t* blocks, std::int32_t* counts,
            std::int64_t capacity) {
  select_queries(QUERY_TILE, static_cast<const REAL*>(queries), static_cast<const REAL*>(points), n_blocks, first_block,
                 parameters, static_cast<const REAL*>(limits), static_cast<REAL*>(values), blocks, counts, capacity);
}

void select_one(const void* queries, const void* points, std::int64_t n_blocks, std::int64_t first_block,
                const double* parameters, const void* limits, void* values, std::int32_t* blocks, std::int32_t* counts,
                std::int64_t capacity) {
  select_queries(1, static_cast<const REAL*>(queries), static_cast<const REAL*>(points), n_blocks, first_block,
                 parameters, static_cast<const REAL*>(limits), static_cast<REAL*>(values), blocks, counts, capacity);
}

void store(const void* queries, const void* points, std::int64_t n_blocks, const double* parameters, void* out,
           std::int64_t out_stride, std::int32_t* missing) {
  store_queries(QUERY_TILE, static_cast<const REAL*>(queries), static_cast<const REAL*>(points), n_blocks, parameters,
                static_cast<REAL*>(out), out_stride, missing);
}

void store_one(const void* queries, const void* points, std::int64_t n_blocks, const double* parameters, void* out,
               std::int64_t out_stride, std::int32_t* missing) {
  store_queries(1, static_cast<const REAL*>(queries), static_cast<const REAL*>(points), n_blocks, parameters,
                static_cast<REAL*>(out), out_stride, missing);
}

double pair(const void* a, const void* b, const double* parameters) {
  double sum = 0;
  for (int i = 0; i < DIM; ++i) {
    const double difference = static_cast<double>(static_cast<const ROW*>(a)[i]) - static_cast<const ROW*>(b)[i];
    sum += difference * difference;
  }
  return parameters[0] * sum;
}

void gather(const void* query, const void* rows, std::int64_t row_bytes, const std::int32_t* ids, std::int64_t n,
            const double* parameters, void* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto* row = reinterpret_cast<const ROW*>(static_cast<const char*>(rows) + ids[i] * row_bytes);
    REAL sum = 0;
    for (int j = 0; j < DIM; ++j) {
      const REAL difference = static_cast<const REAL*>(query)[j] - static_cast<REAL>(row[j]);
      sum += difference * difference;
    }
    static_cast<REAL*>(out)[i] = static_cast<REAL>(parameters[0]) * sum;
  }
}

}  // extern "C"
