// The vector instructions of x86-64, for functions that name their own targets.
#pragma once

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#if !defined(__clang__)
// GCC's own intrinsics begin with a register that holds nothing yet (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

// Of a processor that has them.
#define ANEAR_AVX2 __attribute__((target("avx2")))
// Of one that has AVX-512F and BMI2.
#define ANEAR_AVX512 __attribute__((target("avx512f,bmi2,popcnt")))
// Sums of products of bytes; of a processor that has_byte_products.
#define ANEAR_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,fma")))
#endif

#ifdef ANEAR_AVX2
#define ANEAR_INLINE inline __attribute__((always_inline))  // so that it is compiled for its caller's registers
#else
#define ANEAR_INLINE inline
#endif
