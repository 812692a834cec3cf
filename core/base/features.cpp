#include "base/features.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace anear {
namespace {

std::vector<std::string>& allowed() {
  static std::vector<std::string> features = host_features();
  return features;
}

bool is_allowed(const char* feature) {
  return std::find(allowed().begin(), allowed().end(), feature) != allowed().end();
}

std::atomic<bool>& avx2() {
  static std::atomic<bool> allowed{is_allowed("avx2")};
  return allowed;
}

}  // namespace

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

bool may_use(std::initializer_list<const char*> features) {
  return std::all_of(features.begin(), features.end(), is_allowed);
}

bool may_use_avx2() { return avx2().load(std::memory_order_relaxed); }

void allow_features(std::vector<std::string> features) {
  const std::vector<std::string> there = host_features();
  std::erase_if(features, [&](const auto& name) { return std::find(there.begin(), there.end(), name) == there.end(); });
  allowed() = std::move(features);
  avx2() = is_allowed("avx2");
}

bool has_byte_products() { return may_use({"avx512vnni", "avx512bw", "avx512vl", "avx512f", "fma"}); }

}  // namespace anear
