#include "index/short_call.h"

#include <algorithm>
#include <utility>

namespace anear {
namespace {

constexpr int kTries = 256;       // calls between two trials of the way that has been slower,
constexpr int kFirst = 8;         // the first of which comes after so many looks: what was expected is a guess
constexpr int kTrial = 4;         // calls of a trial: the first ones take up to twice as long, if calls are short
constexpr int kSooner = 4;        // times as many looks until the next trials of long calls that take about as long
constexpr double kNear = 1.5;     // times as long
constexpr double kMost = 3;       // times what was expected: what takes longer was disturbed
constexpr double kFar = 2.5;      // times as long: not worth trying again
constexpr double kSure = 0.9;     // of a scan's time: a tree that is expected to take more is not worth the risk
constexpr double kWeight = 0.25;  // of the latest call in the average of all,
constexpr double kSteady = 0.1;   // of a long one, which tells more of its queries than of delays,
constexpr double kFaster = 0.5;   // and of one that took less: delays only add

}  // namespace

ShortCall::ShortCall(double limit, double tree, double scan, int every, bool until_scans)
    : give_up_(limit), tree_(tree), scan_(scan), every_(std::clamp(every, 1, kTries)), until_scans_(until_scans) {
  scans_ = tree_ >= kSure * scan_;
}

// Now and then some calls go the way that has been slower, for it may no longer be: the first ones find nothing in the
// caches, so of short calls the last alone is timed.
ShortCall::Way ShortCall::look() {
  const std::lock_guard lock(mutex_);
  const bool scans = scans_;
  if (trial_ > 0) {
    --trial_;
    return {!scans, every_ == 1 || trial_ == 0};
  }
  const double far = scans ? tree_ / scan_ : scan_ / tree_;
  const bool first = ++turn_ == kFirst;
  const bool soon = every_ == 1 && (turn_ == kFirst * kSooner || turn_ == kFirst * kSooner * kSooner);
  const bool usual = turn_ % (kTries / every_) == 0 && (scans || far < kFar);
  if (first ? far < kFar : soon ? far < kNear : usual) {
    trial_ = kTrial - 1;
    return {!scans, false};
  }
  return {scans, true};
}

void ShortCall::learn(bool scanned, double took) {
  const std::lock_guard lock(mutex_);
  if (scanned != scans_) {
    // Queries differ in a tree: what a trial says is the mean of its calls. Of scans the last one finds them in the caches.
    tried_ = scanned ? took : tried_ + took;
    timed_ = scanned ? 1 : timed_ + 1;
    if (trial_ > 0) return;
    took = std::exchange(tried_, 0) / std::exchange(timed_, 0);
  }
  double& known = scanned ? scan_ : tree_;
  const double other = scanned ? tree_ : scan_;
  // Queries of another kind, it seems: what is known of the other way is tried soon. Short calls are often disturbed.
  if (every_ == 1 && scanned == scans_ && took > kFar * known) turn_ = 0;
  const bool won = took < known && scanned != scans_ && took < other;
  const bool lost = until_scans_ && !scanned && took > kFar * known && took >= kSure * other;
  if (won || lost) {  // what was expected is out of date
    known = took;
    turn_ = 0;
  } else {
    const bool steady = every_ == 1 && took < kFar * known;
    const double weight = took < known ? kFaster : steady ? kSteady : kWeight;
    known += weight * (std::min(took, kMost * known) - known);
  }
  scans_ = tree_ >= kSure * scan_;
  left_ = std::min(turn_, every_ - 1);  // the first ones follow each other closely
}

}  // namespace anear
