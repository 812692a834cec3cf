// The only place that starts threads.
#pragma once
#include <cstdint>
#include <functional>

#include "base/progress.h"

namespace anear {

// ANEAR_NUM_THREADS if it is a positive number, else the processors this process may run on.
int default_threads();

// `requested` threads, 0 or less meaning `default_threads()`.
inline int resolve_threads(int requested) { return requested > 0 ? requested : default_threads(); }

// Runs body(0) ... body(tasks - 1), each once, on at most `threads` threads of which the caller is one; tasks are handed
// out one by one, in order. Everything a task writes must belong to it alone: then results do not depend on `threads`.
// The error of the smallest failing task is thrown again once every task that had begun has ended. One thread, one task
// or a call from inside another task: the loop runs on the caller, and no other thread is touched.
void parallel_for(std::int64_t tasks, int threads, Progress& progress, const std::function<void(std::int64_t)>& body);

}  // namespace anear
