// The shortlist against sorting, and the comparisons of many rows at once against those of one.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "base/features.h"
#include "result/lanes.h"
#include "result/shortlist.h"

namespace {

using anear::Shortlist;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Values of few or many kinds, of both signs or of one; alike ones keep their order only by their numbers.
template <class Real>
std::vector<Real> sample(std::mt19937& random, std::size_t count, int kinds) {
  std::vector<Real> values(count);
  const int low = kinds % 2 == 0 ? -kinds / 2 : 0;
  for (Real& value : values) value = static_cast<Real>(low + static_cast<int>(random() % static_cast<unsigned>(kinds)));
  return values;
}

// Whether the list has the k smallest values of blocks of sixteen, of each of which it was given `mask`.
template <class Real>
bool keeps_smallest(std::mt19937& random, std::size_t k, int kinds, std::uint64_t mask) {
  constexpr std::size_t kBlocks = 3, kLanes = 16;
  const auto values = sample<Real>(random, kBlocks * kLanes, kinds);
  Shortlist list;
  list.reset(k);
  std::vector<Real> added;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    if (!list.add(values.data() + block * kLanes, mask, block * kLanes)) return false;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (mask >> lane & 1) added.push_back(values[block * kLanes + lane]);
    }
    std::sort(added.begin(), added.end());
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < std::min(k, added.size()); ++i) {
      numbers.push_back(list.number(i));
      if (values[static_cast<std::size_t>(numbers.back())] != added[i]) return false;
    }
    std::sort(numbers.begin(), numbers.end());
    if (std::adjacent_find(numbers.begin(), numbers.end()) != numbers.end()) return false;
    const double kth = added.size() < k ? kInfinity : static_cast<double>(added[k - 1]);
    if (list.largest() < kth) return false;
  }
  return true;
}

// What is not finite is refused, and then nothing is listed.
template <class Real>
bool refuses(std::size_t k, std::size_t lane, Real odd) {
  std::vector<Real> values(16, 1);
  values[lane] = odd;
  Shortlist list;
  list.reset(k);
  return !list.add(values.data(), 0xffff, 0) && list.largest() == kInfinity;
}

template <class Real>
bool compares_alike(std::mt19937& random, std::int64_t lanes) {
  constexpr std::int64_t kRows = 5;
  const std::int64_t stride = lanes + 16;
  auto values = sample<Real>(random, static_cast<std::size_t>(kRows * stride), 9);
  for (Real& value : values) value = random() % 11 == 0 ? static_cast<Real>(kNone) : value;
  const std::vector<Real> limits{2, static_cast<Real>(kNone), -1, static_cast<Real>(kInfinity), 0};
  std::vector<std::uint64_t> passing(kRows);
  anear::passing_rows<Real>()(values.data(), stride, lanes, kRows, limits.data(), passing.data());
  for (std::int64_t i = 0; i < kRows; ++i) {
    std::uint64_t expected = 0;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      expected |= std::uint64_t{!(values[i * stride + lane] >= limits[i])} << lane;
    }
    if (passing[i] != expected) return false;
  }
  return true;
}

template <class Real>
bool right() {
  std::mt19937 random(0);
  for (std::size_t k = 1; k <= Shortlist::kMost; ++k) {
    for (const int kinds : {1, 2, 3, 16, 1000}) {
      for (const std::uint64_t mask : {0xffffu, 0x7fffu, 0x0101u}) {
        for (int i = 0; i < 20; ++i) {
          if (!keeps_smallest<Real>(random, k, kinds, mask)) return false;
        }
      }
    }
    for (std::size_t lane = 0; lane < 16; ++lane) {
      for (const double odd : {kInfinity, -kInfinity, kNone}) {
        if (!refuses<Real>(k, lane, static_cast<Real>(odd))) return false;
      }
    }
  }
  for (const std::int64_t lanes : {4, 8, 16, 24, 32, 48, 64}) {
    if (!compares_alike<Real>(random, lanes)) return false;
  }
  return true;
}

}  // namespace

// With an argument: as on a processor without wide registers.
int main(int arguments, char**) {
  if (arguments > 1) anear::allow_features({});
  std::puts(right<float>() && right<double>() ? "right" : "wrong");
  return 0;
}
