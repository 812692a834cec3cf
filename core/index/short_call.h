// Calls of method "auto" with few queries. They take but microseconds, so most go the way that took less before without a
// look at anything; one in so many is timed.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

namespace anear {

// Calls with as many queries of one kind: each goes down the tree or is scanned for.
class ShortCall {
 public:
  // Which way a call goes, and whether its time is wanted.
  struct Way {
    bool scans, timed;
  };

  // `limit`: with how many blocks a query gives up; the nanoseconds that a call is expected to take; one in `every` is
  // timed. `until_scans`: these go by it only for as long as the tree is the better way.
  ShortCall(double limit, double tree, double scan, int every, bool until_scans = false);

  double give_up() const { return give_up_; }
  bool scans() const { return scans_; }
  // Whether calls are no longer to go by this.
  bool over() const { return until_scans_ && scans_; }
  double tree() const { return tree_; }
  double scan() const { return scan_; }

  Way next() {
    if (left_.fetch_sub(1, std::memory_order_relaxed) > 0) return {scans_.load(std::memory_order_relaxed), false};
    return look();
  }

  // From a call that was timed.
  void learn(bool scanned, double took);

  // The next call is to be looked at.
  void doubt() { left_ = 0; }

 private:
  Way look();

  double give_up_, tree_, scan_;  // what calls took, the latest counting most
  int every_, turn_ = 0;
  bool until_scans_;
  int trial_ = 0;     // how many more calls go the way that has been slower
  int timed_ = 0;     // of those: so many were timed,
  double tried_ = 0;  // and took so long in sum
  std::atomic<bool> scans_{false};
  std::atomic<std::int32_t> left_{0};  // calls until one is looked at
  std::mutex mutex_;
};

}  // namespace anear
