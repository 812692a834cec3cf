#include "index/registry.h"

#include "base/error.h"

namespace anear {

#define ANEAR_METHOD(name) extern const MethodEntry method_##name;
#include "methods.inc"
#undef ANEAR_METHOD

const std::map<std::string, const MethodEntry*>& methods() {
  static const std::map<std::string, const MethodEntry*> all = {
#define ANEAR_METHOD(name) {#name, &method_##name},
#include "methods.inc"
#undef ANEAR_METHOD
  };
  return all;
}

const MethodEntry& method(const std::string& name) {
  const auto found = methods().find(name);
  if (found != methods().end()) return *found->second;
  std::string known;
  for (const auto& [other, entry] : methods()) known += (known.empty() ? "" : ", ") + other;
  throw ArgumentError("method is '" + name + "'; there are " + known);
}

}  // namespace anear
