// What the processor can do.
#pragma once
#include <string>
#include <vector>

namespace anear {

// Instruction sets that matter to kernels, by LLVM's feature names: those both the processor and the system support.
std::vector<std::string> host_features();

}  // namespace anear
