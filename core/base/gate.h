// Many may look while nobody changes; whoever changes is alone.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/error.h"

namespace anear {

// As a shared_mutex, but that a thread that is inside may enter again (a search may be started by the callback of
// another), and that nobody enters while someone waits to be alone: searches that follow each other without a pause
// must not keep a change waiting.
class Gate {
 public:
  // Looks, for as long as it lives.
  class Inside {
   public:
    explicit Inside(Gate& gate) : gate_(gate) { gate_.enter(); }
    ~Inside() { gate_.leave(); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Gate& gate_;
  };

  // Is alone, for as long as it lives. One at a time: changes have a lock of their own.
  class Alone {
   public:
    explicit Alone(Gate& gate) : gate_(gate), lock_(gate.mutex_) {
      gate_.closed_ = true;
      gate_.empty_.wait(lock_, [&] { return gate_.inside_ == 0; });
    }
    ~Alone() {
      gate_.closed_ = false;
      lock_.unlock();
      gate_.opened_.notify_all();
    }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;

   private:
    Gate& gate_;
    std::unique_lock<std::mutex> lock_;
  };

  // Whether this thread is inside: then it can never be alone.
  bool entered() const { return std::find(mine().begin(), mine().end(), this) != mine().end(); }

 private:
  static std::vector<const Gate*>& mine() {
    static thread_local std::vector<const Gate*> gates;
    return gates;
  }

  void enter() {
    const bool again = entered();
    mine().push_back(this);
    if (again) return;
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return !closed_; });
    ++inside_;
  }

  void leave() {
    mine().erase(std::find(mine().begin(), mine().end(), this));
    if (entered()) return;
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      last = --inside_ == 0 && closed_;
    }
    if (last) empty_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable empty_, opened_;
  int inside_ = 0;
  bool closed_ = false;
};

}  // namespace anear
