#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace anear {
namespace {

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
  Loop(tasks, std::max(helpers, 0), progress, body).run(helpers);
}

void fork_join(int threads, Progress& progress, Tasks::Task first) {
  const int helpers = std::max(threads - 1, 0);
  Tree(helpers, progress, std::move(first)).run(helpers);
}

}  // namespace anear
