#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <list>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace anear {
namespace {

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

thread_local bool inside_job = false;
std::atomic<Pool*> current_pool{nullptr};

void work_inside(Job& job) {
  const bool outer = std::exchange(inside_job, true);
  job.work();
  inside_job = outer;
}

void Job::run(int helpers) {
  if (helpers <= 0 || inside_job) {
    work_inside(*this);
  } else {
    Pool::current().run(*this, helpers);
  }
  if (failure_) std::rethrow_exception(failure_);
}

void Job::note_failure(std::int64_t order) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_ || order < failure_order_) {
    failure_order_ = order;
    failure_ = std::current_exception();
  }
  failed_ = true;
}

Pool& Pool::current() {
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

void Pool::refuse_child() const {
  if (current_pool.load() != this) throw std::runtime_error("the process was forked during a parallel computation");
}

void Pool::run(Job& job, int helpers) {
  const auto place = post(job, helpers);
  work_inside(job);
  refuse_child();
  std::unique_lock lock(mutex_);
  jobs_.erase(place);
  while (job.active_ != 0) {
    job.idle_.wait_for(lock, std::chrono::milliseconds(20));
    lock.unlock();
    job.progress_.tick();  // without the lock: the callback may take its time
    refuse_child();
    lock.lock();
  }
}

std::list<Job*>::iterator Pool::post(Job& job, int helpers) {
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

void Pool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    wake_.wait(lock, [&] {
      const auto found = std::find_if(jobs_.begin(), jobs_.end(), [](Job* candidate) { return candidate->enter(); });
      job = found == jobs_.end() ? nullptr : *found;
      return job != nullptr;
    });
    lock.unlock();
    work_inside(*job);
    lock.lock();
    job->leave();
  }
}

class Loop final : public Job {
 public:
  Loop(std::int64_t tasks, int helpers, Progress& progress, const std::function<void(std::int64_t)>& body)
      : Job(helpers, progress), tasks_(tasks), body_(body) {}

  void work() override {
    for (std::int64_t task; !failed() && (task = next_.fetch_add(1)) < tasks_;) {
      try {
        progress().poll();
        body_(task);
      } catch (...) {
        note_failure(task);
      }
    }
  }

  bool has_work() const override { return next_.load() < tasks_ && !failed(); }

 private:
  const std::int64_t tasks_;
  const std::function<void(std::int64_t)>& body_;
  std::atomic<std::int64_t> next_{0};
};

class Tree final : public Job, public Tasks {
 public:
  Tree(int helpers, Progress& progress, Task first) : Job(helpers, progress) { spawn(std::move(first)); }

  void spawn(Task task) override {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(task));
    ++unfinished_;
    change_.notify_one();
  }

  void work() override {
    for (Task task; next(task); finish()) {
      try {
        progress().poll();
        task(*this);
      } catch (...) {
        note_failure(0);
      }
      task = nullptr;  // what it captured goes while others still run
    }
  }

  bool has_work() const override { return unfinished_.load() != 0 && !failed(); }

 private:
  // Waits for a task; false: there will be none.
  bool next(Task& task) {
    std::unique_lock lock(mutex_);
    while (waiting_.empty()) {
      if (unfinished_ == 0) return false;
      change_.wait_for(lock, std::chrono::milliseconds(20));
      lock.unlock();
      progress().tick_if_owner();
      lock.lock();
    }
    task = std::move(waiting_.back());
    waiting_.pop_back();
    return true;
  }

  void finish() {
    const std::lock_guard lock(mutex_);
    if (failed()) {
      unfinished_ -= static_cast<std::int64_t>(waiting_.size());
      waiting_.clear();
    }
    if (--unfinished_ == 0) change_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable change_;
  std::vector<Task> waiting_;
  std::atomic<std::int64_t> unfinished_{0};  // waiting or running
};

thread_local TaskTimes* measured = nullptr;

// Runs tasks on this thread as though each had one of its own: what a task spawns begins when it was spawned.
class Measured final : public Tasks {
 public:
  void spawn(Task task) override { waiting_.emplace_back(std::move(task), running_ ? now() : 0); }

  void run(TaskTimes& sum, Progress& progress) {
    double end = 0;
    running_ = true;
    while (!waiting_.empty()) {
      const auto [task, begin] = std::move(waiting_.back());
      waiting_.pop_back();
      progress.poll();
      const double started = thread_seconds();
      offset_ = begin - started;
      task(*this);
      sum.work += thread_seconds() - started;
      end = std::max(end, now());
    }
    sum.span += end;
  }

 private:
  // When it is for the running task, if every task had a thread of its own.
  double now() const { return offset_ + thread_seconds(); }

  std::vector<std::pair<Task, double>> waiting_;
  double offset_ = 0;
  bool running_ = false;
};

// Whether a call is to be measured. Those of its tasks are not: they are part of them.
bool measuring() { return measured != nullptr && !inside_job; }

void measure(Measured& tasks, Progress& progress) {
  inside_job = true;
  try {
    tasks.run(*measured, progress);
  } catch (...) {
    inside_job = false;
    throw;
  }
  inside_job = false;
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
  if (measuring()) {
    Measured all;
    for (std::int64_t task = tasks; task-- > 0;) all.spawn([&body, task](Tasks&) { body(task); });
    return measure(all, progress);
  }
  const auto helpers = static_cast<int>(std::min<std::int64_t>(threads, tasks) - 1);
  Loop(tasks, std::max(helpers, 0), progress, body).run(helpers);
}

void fork_join(int threads, Progress& progress, Tasks::Task first) {
  if (measuring()) {
    Measured all;
    all.spawn(std::move(first));
    return measure(all, progress);
  }
  const int helpers = std::max(threads - 1, 0);
  Tree(helpers, progress, std::move(first)).run(helpers);
}

double thread_seconds() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

void measure_tasks(TaskTimes* times) { measured = times; }

}  // namespace anear
