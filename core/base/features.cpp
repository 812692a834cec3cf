#include "base/features.h"

namespace anear {

std::vector<std::string> host_features() {
  std::vector<std::string> found;
#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
#define ANEAR_FEATURE(name) \
  if (__builtin_cpu_supports(name)) found.emplace_back(name)
  ANEAR_FEATURE("sse4.2");
  ANEAR_FEATURE("avx");
  ANEAR_FEATURE("avx2");
  ANEAR_FEATURE("fma");
  ANEAR_FEATURE("f16c");
  ANEAR_FEATURE("bmi2");
  ANEAR_FEATURE("avx512f");
  ANEAR_FEATURE("avx512bw");
  ANEAR_FEATURE("avx512dq");
  ANEAR_FEATURE("avx512vl");
  ANEAR_FEATURE("avx512vnni");
  ANEAR_FEATURE("avx512bf16");
#undef ANEAR_FEATURE
#elif defined(__aarch64__) || defined(_M_ARM64)
  found.emplace_back("neon");  // part of every AArch64
#endif
  return found;
}

}  // namespace anear
