// What the processor can do.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

namespace anear {

// Instruction sets that matter to kernels, by LLVM's feature names: those both the processor and the system support.
std::vector<std::string> host_features();

// Whether the core may use all of these: the processor has them, and nobody named others with allow_features.
bool may_use(std::initializer_list<const char*> features);

// The same of AVX2, so fast that it may be asked for each row.
bool may_use_avx2();

// From now on only these may be used, as if the processor had no others. Indexes that are there keep what they use.
void allow_features(std::vector<std::string> features);

// Whether there are sums of products of bytes, in registers of 64; see ANEAR_VNNI.
bool has_byte_products();

}  // namespace anear
