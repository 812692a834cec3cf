// Messages between nodes: many tasks write them, and the tasks of those that they are for read them, in an order that
// does not depend on the number of threads.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/parallel.h"

namespace anear {

// An Item has a `target`, the node that it is for.
template <class Item>
class Exchange {
 public:
  explicit Exchange(std::int64_t nodes) {
    while ((nodes - 1) >> shift_ >= kBuckets) ++shift_;
  }

  // write(first, last, out) for parts of 0 ... count - 1, then read(item) once an item: all items of a node by one task,
  // in the order in which they stand. How many readings were true.
  template <class Write, class Read>
  std::int64_t run(std::int64_t count, std::int64_t per_task, int threads, Progress& progress, const Write& write,
                   const Read& read) {
    const std::int64_t tasks = (count + per_task - 1) / per_task;
    if (static_cast<std::int64_t>(boxes_.size()) < tasks) boxes_.resize(tasks);
    parallel_for(tasks, threads, progress, [&](std::int64_t task) {
      Box& box = boxes_[task];
      box.written.clear();
      write(task * per_task, std::min(count, (task + 1) * per_task), box.written);
      distribute(box);
    });
    std::array<std::int64_t, kBuckets> counts{};
    parallel_for(kBuckets, threads, progress, [&](std::int64_t bucket) {
      std::int64_t count_here = 0;
      for (std::int64_t task = 0; task < tasks; ++task) {
        const Box& box = boxes_[task];
        for (std::size_t i = box.starts[bucket]; i < box.starts[bucket + 1]; ++i) count_here += read(box.sorted[i]);
      }
      counts[bucket] = count_here;
    });
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  }

 private:
  static constexpr std::int64_t kBuckets = 64;

  struct Box {
    std::vector<Item> written, sorted;
    std::array<std::size_t, kBuckets + 1> starts;
  };

  // Puts a box's items together by bucket, otherwise in the order in which they were written.
  void distribute(Box& box) const {
    box.starts.fill(0);
    for (const Item& item : box.written) ++box.starts[(item.target >> shift_) + 1];
    for (std::int64_t i = 0; i < kBuckets; ++i) box.starts[i + 1] += box.starts[i];
    std::array<std::size_t, kBuckets + 1> at = box.starts;
    box.sorted.resize(box.written.size());
    for (const Item& item : box.written) box.sorted[at[item.target >> shift_]++] = item;
  }

  int shift_ = 0;
  std::vector<Box> boxes_;
};

}  // namespace anear
