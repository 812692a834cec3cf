// The operating system's part in running generated code: pages, their protection, the instruction cache.
#pragma once
#include <cstddef>

namespace anear {

std::size_t page_bytes();

enum class Protection { read_write, read_only, read_execute };

// Pages of its own, readable and writable at first.
class Pages {
 public:
  explicit Pages(std::size_t bytes);  // a multiple of page_bytes()
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  // `offset` and `bytes` are multiples of page_bytes(). Making pages executable also makes the code visible to the
  // instruction fetch.
  void protect(std::size_t offset, std::size_t bytes, Protection protection);

  std::byte* data() { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace anear
