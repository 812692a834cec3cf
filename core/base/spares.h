// Scratch that the tasks of a loop hand on to each other.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

namespace anear {

// A task takes a T, works with it and gives it back: as many are made as tasks run at the same time.
template <class T>
class Spares {
 public:
  std::unique_ptr<T> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto spare = std::move(idle_.back());
        idle_.pop_back();
        return spare;
      }
    }
    return std::make_unique<T>();
  }

  void give(std::unique_ptr<T> spare) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(spare));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace anear
