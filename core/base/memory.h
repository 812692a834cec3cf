// Aligned memory for blocks of numbers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace anear {

inline constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector (AVX-512)

// At least `bytes` bytes, aligned to `kAlignment`; large blocks ask for huge pages, since a scan that touches every page
// otherwise spends its time in the TLB. Throws std::bad_alloc.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* memory) noexcept;

// To GCC a function that only prefetches has no effect, and it drops the calls of those it does not inline. This empty
// statement is one that it may not drop.
inline void keep_calls() {
#if defined(__GNUC__) || defined(__clang__)
  asm volatile("");
#endif
}

// Asks for the cache line of `address`, which will be read soon.
inline void prefetch([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address);
  keep_calls();
#endif
}

// The same of one that will be written.
inline void prefetch_to_write([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 1);
  keep_calls();
#endif
}

// An owned, uninitialised array that never copies. `ensure` grows it and forgets the contents: made for scratch space
// that is kept between calls.
template <class T>
class AlignedArray {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kAlignment);

 public:
  AlignedArray() = default;
  explicit AlignedArray(std::size_t size) { ensure(size); }
  AlignedArray(AlignedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        borrowed_(std::exchange(other.borrowed_, false)) {}
  AlignedArray& operator=(AlignedArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(borrowed_, other.borrowed_);
    return *this;
  }
  ~AlignedArray() { release(); }

  // Memory that another keeps, which may not be written to.
  static AlignedArray over(const T* data, std::size_t size) {
    AlignedArray array;
    array.data_ = const_cast<T*>(data);
    array.size_ = size;
    array.borrowed_ = true;
    return array;
  }

  T* ensure(std::size_t size) {
    if (size > size_) {
      release();
      data_ = nullptr;
      size_ = 0;
      borrowed_ = false;
      data_ = static_cast<T*>(allocate_aligned(size * sizeof(T)));
      size_ = size;
    }
    return data_;
  }

  // Makes room for `size`, and for half as many again if it has to move; the first `kept` stay.
  T* grow(std::size_t size, std::size_t kept) {
    if (size > size_) *this = grown(size, kept);
    return data_;
  }

  // A copy of the first `kept`, with room for `size` and half as many again.
  AlignedArray grown(std::size_t size, std::size_t kept) const {
    AlignedArray more(size + size / 2);
    if (kept > 0) std::memcpy(static_cast<void*>(more.data_), data_, kept * sizeof(T));
    return more;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool borrowed() const { return borrowed_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  void release() {
    if (!borrowed_) free_aligned(data_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  bool borrowed_ = false;
};

}  // namespace anear
