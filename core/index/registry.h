// The list of methods, made by the build from the names of the files in core/methods.
#pragma once
#include <map>
#include <string>

#include "index/method.h"

namespace anear {

const std::map<std::string, const MethodEntry*>& methods();

// Throws ArgumentError naming the methods there are.
const MethodEntry& method(const std::string& name);

}  // namespace anear
