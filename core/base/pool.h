// The threads behind parallel.h, which is what everybody else includes.
#pragma once
#include <atomic>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>

#include "base/progress.h"

namespace anear {

// Work that several threads do together. It lives on its caller's stack: helpers touch it only between `enter` and
// `leave`, and the caller waits for the last `leave`.
class Job {
 public:
  Job(int helpers, Progress& progress) : progress_(progress), free_places_(helpers) {}
  virtual ~Job() = default;

  // Takes part until nothing is left to do. Throws nothing.
  virtual void work() = 0;
  virtual bool has_work() const = 0;

  // Does the job on this thread and at most `helpers` others; throws what it failed with.
  void run(int helpers);

 protected:
  bool failed() const { return failed_; }
  // Called while an exception is handled. Of several, that with the smallest order is kept.
  void note_failure(std::int64_t order);
  Progress& progress() { return progress_; }

 private:
  friend class Pool;

  // Under the pool's lock.
  bool enter() {
    if (free_places_ == 0 || !has_work()) return false;
    --free_places_;
    ++active_;
    return true;
  }
  void leave() {
    if (--active_ == 0) idle_.notify_all();
  }

  Progress& progress_;
  int free_places_;
  int active_ = 0;
  std::condition_variable idle_;
  std::atomic<bool> failed_{false};
  std::int64_t failure_order_ = 0;
  std::exception_ptr failure_;
  std::mutex failure_mutex_;
};

// Worker threads, started when first wanted and kept. A pool is never destroyed: its threads sleep until the process
// ends, which spares every exit-time order problem.
class Pool {
 public:
  // A child of fork has none of its parent's threads, and the parent's locks in an unknown state: it gets a new pool.
  static Pool& current();

  void run(Job& job, int helpers);

 private:
  std::list<Job*>::iterator post(Job& job, int helpers);
  void serve();
  // A progress callback may fork. In the child this pool's threads are gone with their part of the work.
  void refuse_child() const;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Job*> jobs_;
  int threads_ = 0;
};

}  // namespace anear
