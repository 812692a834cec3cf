// Progress and cancellation of one call into the core, and how much it has computed.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "base/error.h"

namespace anear {

// Distances computed. One may be scanned first (its rank, in a packed block) and then computed in full.
struct Computed {
  std::int64_t scanned = 0;
  std::int64_t exact = 0;
};

// Where descents of trees came to: nodes whose children's bounds were computed, leaves that were scanned, and nodes and
// leaves of which the bound alone told enough.
struct Visits {
  std::int64_t nodes = 0, leaves = 0, settled = 0;

  // Of one descent, which had the children of all nodes for settled: those it went to were not.
  void entered() { settled -= nodes - 1 + leaves; }

  Visits& operator+=(const Visits& more) {
    nodes += more.nodes;
    leaves += more.leaves;
    settled += more.settled;
    return *this;
  }
};

// Tasks report finished work with `advance` and call `poll` at least every few milliseconds of work. Whoever created
// the object is the only one whose polls run the callback, about ten times a second; so the callback may need a lock
// (Python's) that only the calling thread can take. The first callback comes after a tenth of a second: short calls
// never pay for one.
class Progress {
 public:
  // false: stop.
  using Callback = std::function<bool(std::int64_t done, std::int64_t total)>;

  Progress() = default;
  explicit Progress(Callback callback) : callback_(std::move(callback)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void start(std::int64_t total) {
    done_ = 0;
    total_ = total;
  }
  void advance(std::int64_t work) { done_.fetch_add(work, std::memory_order_relaxed); }

  // Adds what a task has computed: once for many distances, not for each.
  void count(const Computed& more) {
    if (more.scanned != 0) scanned_.fetch_add(more.scanned, std::memory_order_relaxed);
    if (more.exact != 0) exact_.fetch_add(more.exact, std::memory_order_relaxed);
  }
  void visit(const Visits& more) {
    if (more.nodes == 0) return;
    nodes_.fetch_add(more.nodes, std::memory_order_relaxed);
    leaves_.fetch_add(more.leaves, std::memory_order_relaxed);
    settled_.fetch_add(more.settled, std::memory_order_relaxed);
  }
  Visits visits() const {
    return {nodes_.load(std::memory_order_relaxed), leaves_.load(std::memory_order_relaxed),
            settled_.load(std::memory_order_relaxed)};
  }
  Computed computed() const {
    return {scanned_.load(std::memory_order_relaxed), exact_.load(std::memory_order_relaxed)};
  }

  // Throws Cancelled once the callback has said so.
  void poll() {
    tick_if_owner();
    if (cancelled()) throw Cancelled();
  }

  void tick_if_owner() {
    if (std::this_thread::get_id() == owner_) tick();
  }

  // Owner only: runs the callback when it is due. Never throws Cancelled, so it can be called while waiting for others.
  void tick() {
    if (!callback_ || cancelled()) return;
    const auto now = Clock::now();
    if (now < due_) return;
    if (!callback_(done_.load(std::memory_order_relaxed), total_)) cancel();
    due_ = Clock::now() + kInterval;
  }

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval{100};

  Callback callback_;
  std::thread::id owner_ = std::this_thread::get_id();
  Clock::time_point due_ = Clock::now() + kInterval;
  std::int64_t total_ = 0;
  std::atomic<std::int64_t> done_{0}, scanned_{0}, exact_{0}, nodes_{0}, leaves_{0}, settled_{0};
  std::atomic<bool> cancelled_{false};
};

}  // namespace anear
