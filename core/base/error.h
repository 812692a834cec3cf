// What the core throws. The bindings turn each into the Python error of the same meaning.
#pragma once
#include <concepts>
#include <stdexcept>
#include <string>

namespace anear {

// An argument is wrong; the message names it, its value and what is allowed.
struct ArgumentError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// Machine code that cannot be loaded: a damaged cache file, another machine's object, an unresolved symbol.
struct CodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The progress callback asked to stop.
struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("cancelled by the progress callback") {}
};

inline void require(bool condition, const std::string& message) {
  if (!condition) throw ArgumentError(message);
}

// `message()` makes the text where it is wanted: putting numbers into words takes longer than a short search.
template <std::invocable Message>
void require(bool condition, const Message& message) {
  if (!condition) throw ArgumentError(message());
}

}  // namespace anear
