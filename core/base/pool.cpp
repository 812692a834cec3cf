#include "base/pool.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace anear {
namespace {

thread_local bool inside_job = false;
std::atomic<Pool*> current_pool{nullptr};

void work_inside(Job& job) {
  const bool outer = std::exchange(inside_job, true);
  job.work();
  inside_job = outer;
}

}  // namespace

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

}  // namespace anear
