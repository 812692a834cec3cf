// The k smallest of distinct values.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <utility>

namespace anear {

// As std::nth_element: values[k - 1] becomes the k-th smallest, smaller ones lie before it. 1 <= k <= size. What is
// smaller than a pivot is a coin toss, and a branch on it is mispredicted every other time; this partition has none,
// which makes it three to four times as fast.
template <class T, class Less = std::less<T>>
void select_smallest(T* values, std::size_t size, std::size_t k, Less less = {}) {
  constexpr std::size_t kSmall = 12;
  T* begin = values;
  T* end = values + size;
  T* const target = values + (k - 1);
  for (int rounds = 2 * std::bit_width(size); end - begin > static_cast<std::ptrdiff_t>(kSmall); --rounds) {
    if (rounds == 0)
      return std::nth_element(begin, target, end, less);  // bad luck with pivots: its worst case is linear
    T* const middle = begin + (end - begin) / 2;
    T* const last = end - 1;
    if (less(*middle, *begin)) std::swap(*middle, *begin);
    if (less(*last, *begin)) std::swap(*last, *begin);
    if (less(*last, *middle)) std::swap(*last, *middle);
    const T pivot = *middle;
    std::swap(*middle, *last);
    T* boundary = begin;  // everything before it is smaller than the pivot
    for (T* next = begin; next != last; ++next) {
      const T value = *next;
      *next = *boundary;
      *boundary = value;
      boundary += less(value, pivot) ? 1 : 0;
    }
    *last = *boundary;
    *boundary = pivot;
    if (boundary == target) return;
    (boundary < target ? begin : end) = boundary < target ? boundary + 1 : boundary;
  }
  std::sort(begin, end, less);
}

}  // namespace anear
