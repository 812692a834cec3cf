#include "base/memory.h"

#include <cstdlib>
#include <limits>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_WIN32)
#include <malloc.h>
#endif

namespace anear {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// What fills a huge page by half is given a whole one; below that it would waste more memory than it saves time.
constexpr std::size_t kHugeFrom = kHugePage / 2;

std::size_t round_up(std::size_t bytes, std::size_t unit) {
  if (bytes > std::numeric_limits<std::size_t>::max() - unit) throw std::bad_alloc();
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugeFrom ? kHugePage : kAlignment;
  const bool filled = bytes % kHugePage >= kHugeFrom;
  const std::size_t rounded = round_up(bytes == 0 ? 1 : bytes, filled ? kHugePage : kAlignment);
#if defined(_WIN32)
  void* memory = _aligned_malloc(rounded, alignment);
#else
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, rounded) != 0) memory = nullptr;
#endif
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);  // a wish: failure costs speed alone
#endif
  return memory;
}

void free_aligned(void* memory) noexcept {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

}  // namespace anear
