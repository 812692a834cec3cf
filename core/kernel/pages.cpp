#include "kernel/pages.h"

#include <new>

#include "base/error.h"

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace anear {

#if defined(_WIN32)

std::size_t page_bytes() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

Pages::Pages(std::size_t bytes) : size_(bytes) {
  data_ = static_cast<std::byte*>(VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  if (data_ == nullptr) throw std::bad_alloc();
}

Pages::~Pages() { VirtualFree(data_, 0, MEM_RELEASE); }

void Pages::protect(std::size_t offset, std::size_t bytes, Protection protection) {
  const DWORD flags = protection == Protection::read_execute ? PAGE_EXECUTE_READ
                      : protection == Protection::read_only  ? PAGE_READONLY
                                                             : PAGE_READWRITE;
  DWORD before = 0;
  if (bytes == 0) return;
  if (!VirtualProtect(data_ + offset, bytes, flags, &before)) throw CodeError("the system refused executable pages");
  if (protection == Protection::read_execute) FlushInstructionCache(GetCurrentProcess(), data_ + offset, bytes);
}

#else

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

Pages::Pages(std::size_t bytes) : size_(bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::byte*>(memory);
}

Pages::~Pages() { munmap(data_, size_); }

void Pages::protect(std::size_t offset, std::size_t bytes, Protection protection) {
  const int flags = protection == Protection::read_execute ? PROT_READ | PROT_EXEC
                    : protection == Protection::read_only  ? PROT_READ
                                                           : PROT_READ | PROT_WRITE;
  if (bytes == 0) return;
  std::byte* begin = data_ + offset;
  if (protection == Protection::read_execute) {
    __builtin___clear_cache(reinterpret_cast<char*>(begin), reinterpret_cast<char*>(begin + bytes));
  }
  if (mprotect(begin, bytes, flags) != 0) {
    throw CodeError("the system refused to make generated code executable (is this process confined by a policy?)");
  }
}

#endif

}  // namespace anear
