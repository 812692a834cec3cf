// Runs fork_join for test_tasks.py: `threads depth failing`. Sums the leaves of a binary tree of tasks; a task at
// `failing` (its number in breadth-first order; 0: none) throws.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>

#include "base/parallel.h"

int main(int, char** arguments) {
  const int threads = std::atoi(arguments[1]);
  const int depth = std::atoi(arguments[2]);
  const std::int64_t failing = std::atoll(arguments[3]);
  std::atomic<std::int64_t> sum{0}, inner{0};
  anear::Progress progress;
  const std::function<void(anear::Tasks&, int, std::int64_t)> grow = [&](anear::Tasks& tasks, int level,
                                                                         std::int64_t node) {
    if (node == failing) throw std::runtime_error("failed");
    if (level == depth) {
      // a loop inside a task runs on the task's own thread
      anear::parallel_for(10, threads, progress, [&](std::int64_t) { ++inner; });
      sum += node;
      return;
    }
    tasks.spawn([&grow, level, node](anear::Tasks& t) { grow(t, level + 1, 2 * node); });
    tasks.spawn([&grow, level, node](anear::Tasks& t) { grow(t, level + 1, 2 * node + 1); });
  };
  for (int repeat = 0; repeat < 20; ++repeat) {
    try {
      anear::fork_join(threads, progress, [&](anear::Tasks& tasks) { grow(tasks, 0, 1); });
    } catch (const std::runtime_error& error) {
      std::puts(error.what());
      return 0;
    }
  }
  std::printf("%lld %lld\n", static_cast<long long>(sum.load()), static_cast<long long>(inner.load()));
}
