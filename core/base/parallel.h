// The only place that starts threads: a loop over independent tasks, and tasks that start tasks.
//
// Common to both: at most `threads` threads work, of which the caller is one. With one thread, or called from inside
// another task, everything runs on the caller and no other thread is touched. What a task writes must belong to it
// alone: then results do not depend on `threads`. An error in a task is thrown again by the call, once every task that
// had begun has ended; no further task begins.
#pragma once
#include <cstdint>
#include <functional>

#include "base/progress.h"

namespace anear {

// ANEAR_NUM_THREADS if it is a positive number, else the processors this process may run on.
int default_threads();

// `requested` threads, 0 or less meaning `default_threads()`.
inline int resolve_threads(int requested) { return requested > 0 ? requested : default_threads(); }

// Runs body(0) ... body(tasks - 1), each once, handed out one by one in this order. Of several errors that of the
// smallest task is thrown.
void parallel_for(std::int64_t tasks, int threads, Progress& progress, const std::function<void(std::int64_t)>& body);

// The tasks of a `fork_join` that wait for a thread.
class Tasks {
 public:
  using Task = std::function<void(Tasks&)>;
  virtual void spawn(Task task) = 0;

 protected:
  ~Tasks() = default;
};

// Runs `first` and everything that it, and what it spawns, spawns: recursive building, where each half of a cut is a
// task. The newest task goes first, so that few wait. Returns when all have ended.
void fork_join(int threads, Progress& progress, Tasks::Task first);

// CPU seconds of this thread so far; where there is no such clock, those of the day.
double thread_seconds();

// CPU seconds of the tasks of calls: of all, and of the longest chains of those that wait for one another, which is the
// least that they can take on any number of threads.
struct TaskTimes {
  double work = 0, span = 0;
};

// From now on calls by this thread run on it alone and add to `times` what their tasks take; null: no longer. For
// benchmarks.
void measure_tasks(TaskTimes* times);

}  // namespace anear
