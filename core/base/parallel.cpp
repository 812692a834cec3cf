#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <limits>
#include <list>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace anear {
namespace {

thread_local bool inside_task = false;

// One parallel_for. It lives on its caller's stack: helpers may touch it only between `enter` and `leave`, and the
// caller waits for the last `leave`.
class Job {
 public:
  Job(std::int64_t tasks, int helpers, Progress& progress, const std::function<void(std::int64_t)>& body)
      : tasks_(tasks), free_places_(helpers), progress_(progress), body_(body) {}

  void work() {
    const bool outer = std::exchange(inside_task, true);
    for (std::int64_t task; !failed_ && (task = next_.fetch_add(1)) < tasks_;) {
      try {
        progress_.poll();
        body_(task);
      } catch (...) {
        note_failure(task);
      }
    }
    inside_task = outer;
  }

  bool has_work() const { return next_.load() < tasks_ && !failed_; }

  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

  // All below: under the pool's lock.
  bool enter() {
    if (free_places_ == 0 || !has_work()) return false;
    --free_places_;
    ++active_;
    return true;
  }
  void leave() {
    if (--active_ == 0) idle_.notify_all();
  }
  bool idle() const { return active_ == 0; }
  std::condition_variable& idle_signal() { return idle_; }

 private:
  void note_failure(std::int64_t task) {
    const std::lock_guard lock(error_mutex_);
    failed_ = true;
    if (task < failed_task_) {
      failed_task_ = task;
      error_ = std::current_exception();
    }
  }

  const std::int64_t tasks_;
  int free_places_;
  int active_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::int64_t failed_task_ = std::numeric_limits<std::int64_t>::max();
  std::exception_ptr error_;
  std::mutex error_mutex_;
  std::condition_variable idle_;
  Progress& progress_;
  const std::function<void(std::int64_t)>& body_;
};

// Worker threads, started when first wanted and kept. A pool is never destroyed: its threads sleep until the process
// ends, which spares every exit-time order problem.
class Pool {
 public:
  void run(Job& job, int helpers, Progress& progress) {
    auto place = post(job, helpers);
    job.work();
    refuse_child();
    std::unique_lock lock(mutex_);
    jobs_.erase(place);
    while (!job.idle()) {
      job.idle_signal().wait_for(lock, std::chrono::milliseconds(20));
      lock.unlock();
      progress.tick();  // without the lock: the callback may take its time
      refuse_child();
      lock.lock();
    }
  }

 private:
  // A progress callback may fork. In the child this pool's threads are gone with their part of the work.
  void refuse_child() const;

  std::list<Job*>::iterator post(Job& job, int helpers) {
    const std::lock_guard lock(mutex_);
    for (; threads_ < helpers; ++threads_) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        break;  // no more threads to be had: the caller does the work with those there are
      }
    }
    const auto place = jobs_.insert(jobs_.end(), &job);
    wake_.notify_all();
    return place;
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      wake_.wait(lock, [&] {
        const auto found = std::find_if(jobs_.begin(), jobs_.end(), [](Job* j) { return j->enter(); });
        job = found == jobs_.end() ? nullptr : *found;
        return job != nullptr;
      });
      lock.unlock();
      job->work();
      lock.lock();
      job->leave();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Job*> jobs_;
  int threads_ = 0;
};

std::atomic<Pool*> current_pool{nullptr};

void Pool::refuse_child() const {
  if (current_pool.load() != this) throw std::runtime_error("the process was forked during a parallel computation");
}

// A child of fork has none of its parent's threads, and the parent's locks in an unknown state: it gets a new pool.
Pool& pool() {
#if !defined(_WIN32)
  static const int registered = pthread_atfork(nullptr, nullptr, [] { current_pool.store(nullptr); });
  (void)registered;
#endif
  Pool* found = current_pool.load();
  if (found == nullptr) {
    auto* fresh = new Pool;
    if (current_pool.compare_exchange_strong(found, fresh)) {
      found = fresh;
    } else {
      delete fresh;
    }
  }
  return *found;
}

int processors() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

int default_threads() {
  if (const char* text = std::getenv("ANEAR_NUM_THREADS")) {
    char* end = nullptr;
    const long wanted = std::strtol(text, &end, 10);
    if (end != text && *end == '\0' && wanted > 0) return static_cast<int>(std::min(wanted, 4096L));
  }
  return processors();
}

void parallel_for(std::int64_t tasks, int threads, Progress& progress, const std::function<void(std::int64_t)>& body) {
  const auto helpers = static_cast<int>(std::min<std::int64_t>(threads, tasks) - 1);
  Job job(tasks, std::max(helpers, 0), progress, body);
  if (helpers <= 0 || inside_task) {
    job.work();
  } else {
    pool().run(job, helpers, progress);
  }
  job.rethrow();
}

}  // namespace anear
