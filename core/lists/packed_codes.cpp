#include "lists/packed_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "lists/packed_scan.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskBlocks = 64;
constexpr std::int64_t kSample = 1024;  // blocks, of which some points each are what codes are fitted to
constexpr std::int64_t kLanesApart = 4;
constexpr float kLargest = 127;     // of a query's weights
constexpr double kUnusual = 0.001;  // of the points lie farther from their centres than is usual
constexpr float kFarther = 1.5f;    // as far as this times the usual codes are of use; centres fit newcomers less well
constexpr float kWidths[]{1.5f, 1.9f, 2.3f, 2.7f, 3.2f, 3.8f, 4.5f, 5.5f, 7.0f, 10.0f};  // standard deviations

// The nearest whole number of a small one, in the way that compilers turn into vectors.
float rounded(float v) {
  constexpr float kWhole = 12582912;  // 1.5 * 2^23: beside it there is no room for fractions
  return (v + kWhole) - kWhole;
}

float code_of(float value, float low, float step, float most) {
  return step > 0 ? rounded(std::min(std::max(0.0f, (value - low) / step), most)) : 0.0f;
}

// How wide the codes' range must be, in standard deviations: where least is lost.
float best_width(std::span<const float> sample, std::int64_t length, const std::vector<float>& mean,
                 const std::vector<float>& deviation, float levels) {
  float best = kWidths[0];
  double least = std::numeric_limits<double>::infinity();
  for (const float width : kWidths) {
    double lost = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
      const std::size_t j = i % length;
      const float low = mean[j] - width * deviation[j], step = 2 * width * deviation[j] / levels;
      const float off = sample[i] - (low + step * code_of(sample[i], low, step, levels));
      lost += static_cast<double>(off) * off;
    }
    if (lost < least) {
      least = lost;
      best = width;
    }
  }
  return best;
}

// The rows of a block, turned.
struct Placed {
  Frame::Scratch frame;
  AlignedArray<std::byte> rows;
  AlignedArray<float> coordinates, scalars;

  void place(const Frame& by, const Rows& all, const PointId* ids) {
    by.place(brought(all, ids, kCodeLanes, rows), frame, coordinates.ensure(kCodeLanes * by.length()),
             scalars.ensure(kCodeLanes * std::max<std::int64_t>(by.scalars(), 1)));
  }
};

// Makes the mean of the squares 1. Returns what the coordinates were divided by; 0: they are all 0.
float make_direction(float* coordinates, std::int64_t length) {
  double squares = 0;
  for (std::int64_t j = 0; j < length; ++j) squares += static_cast<double>(coordinates[j]) * coordinates[j];
  const auto far = static_cast<float>(std::sqrt(squares / static_cast<double>(length)));
  if (!(far > 0 && far < std::numeric_limits<float>::infinity())) {
    std::fill(coordinates, coordinates + length, 0.0f);
    return 0;
  }
  for (std::int64_t j = 0; j < length; ++j) coordinates[j] /= far;
  return far;
}

}  // namespace

void PackedCodes::shape(const Frame& frame, int bits) {
  bits_ = bits;
  length_ = frame.length();
  scalars_ = frame.scalars();
  lower_ = bits == 4 ? (length_ + 1) / 2 : length_;
  groups_ = (lower_ + 3) / 4;
  scan_ = packed_scan(bits);
}

PackedCodes::PackedCodes(const Frame& frame, int bits, std::int64_t blocks, const MadePackedCodes& made) {
  shape(frame, bits);
  const auto fits = [](std::size_t size, std::int64_t wanted) { return static_cast<std::int64_t>(size) == wanted; };
  const std::int64_t bytes = groups_ * kGroupBytes, numbers = kCodeLanes * (scalars_ + 1);
  require(fits(made.blocks.size(), blocks * bytes) && fits(made.numbers.size(), blocks * numbers) &&
              fits(made.low.size(), length_) && fits(made.step.size(), length_),
          "the codes are not of " + std::to_string(blocks) + " blocks of " + std::to_string(length_) + " numbers");
  const auto finite = [](float value) { return std::isfinite(value); };
  require(
      std::all_of(made.low.begin(), made.low.end(), finite) && std::all_of(made.step.begin(), made.step.end(), finite),
      "the numbers that codes stand for are not all finite");
  low_.assign(made.low.begin(), made.low.end());
  step_.assign(made.step.begin(), made.step.end());
  blocks_ = BlockArray<std::byte>::over(bytes, made.blocks);
  numbers_ = BlockArray<float>::over(numbers, made.numbers);
}

PackedCodes::PackedCodes(const Frame& frame, int bits, const Rows& rows, std::span<const PointId> ids,
                         const Origins& origins, int threads, Progress& progress) {
  shape(frame, bits);
  fit(sampled(frame, rows, ids, origins));
  fill(frame, rows, ids, origins, threads, progress);
}

void PackedCodes::fill(const Frame& frame, const Rows& rows, std::span<const PointId> ids, const Origins& origins,
                       int threads, Progress& progress) {
  const std::int64_t blocks = static_cast<std::int64_t>(ids.size()) / kCodeLanes;
  blocks_ = BlockArray<std::byte>(groups_ * kGroupBytes, blocks);
  numbers_ = BlockArray<float>(kCodeLanes * (scalars_ + 1), blocks);
  Spares<Placed> spares;
  progress.start(blocks);
  parallel_for((blocks + kTaskBlocks - 1) / kTaskBlocks, threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t end = std::min((number + 1) * kTaskBlocks, blocks);
    for (std::int64_t b = number * kTaskBlocks; b < end; ++b) {
      task->place(frame, rows, ids.data() + b * kCodeLanes);
      std::fill_n(blocks_.block(b), blocks_.each(), std::byte{0});
      for (std::int64_t lane = 0; lane < kCodeLanes; ++lane) {
        float* coordinates = task->coordinates.data() + lane * length_;
        if (origins.centres != nullptr) origins.centres->take_from(coordinates, origins.of[b * kCodeLanes + lane]);
        float* out = numbers_.block(b) + lane;
        *out = encode(coordinates, lane, blocks_.block(b));
        for (std::int64_t s = 0; s < scalars_; ++s) out[(s + 1) * kCodeLanes] = task->scalars[lane * scalars_ + s];
      }
    }
    progress.advance(end - number * kTaskBlocks);
    progress.poll();
    spares.give(std::move(task));
  });
}

PackedCodes PackedCodes::without_blocks() const {
  PackedCodes codes;
  codes.bits_ = bits_;
  codes.length_ = length_;
  codes.lower_ = lower_;
  codes.groups_ = groups_;
  codes.scalars_ = scalars_;
  codes.low_ = low_;
  codes.step_ = step_;
  codes.scan_ = scan_;
  return codes;
}

PackedCodes PackedCodes::alike(const Frame& frame, const Rows& rows, std::span<const PointId> ids,
                               const Origins& origins, float reach, int threads, Progress& progress) const {
  PackedCodes codes = without_blocks();
  codes.fill(frame, rows, ids, origins, threads, progress);
  for (std::int64_t b = 0; b < codes.blocks(); ++b) {
    for (float* far = codes.numbers_.block(b); far != codes.numbers_.block(b) + kCodeLanes; ++far) {
      if (!(*far <= reach)) *far = std::numeric_limits<float>::quiet_NaN();
    }
  }
  return codes;
}

float PackedCodes::usual_reach(std::span<const PointId> ids) const {
  std::vector<float> far;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const float number = numbers_of(static_cast<std::int64_t>(i) / kCodeLanes)[i % kCodeLanes];
    if (ids[i] != kNobody && std::isfinite(number)) far.push_back(number);
  }
  if (far.empty()) return std::numeric_limits<float>::infinity();
  const auto at = far.end() - 1 - static_cast<std::ptrdiff_t>(static_cast<double>(far.size()) * kUnusual);
  std::nth_element(far.begin(), at, far.end());
  return kFarther * *at;
}

void PackedCodes::put(std::int64_t lane, const PackedCodes& from, std::int64_t other) {
  std::byte* to = blocks_.block(lane / kCodeLanes) + lane % kCodeLanes * 4;
  const std::byte* at = from.block(other / kCodeLanes) + other % kCodeLanes * 4;
  for (std::int64_t g = 0; g < groups_; ++g) std::memcpy(to + g * kGroupBytes, at + g * kGroupBytes, 4);
  float* numbers = numbers_.block(lane / kCodeLanes) + lane % kCodeLanes;
  const float* others = from.numbers_of(other / kCodeLanes) + other % kCodeLanes;
  for (std::int64_t s = 0; s <= scalars_; ++s) numbers[s * kCodeLanes] = others[s * kCodeLanes];
}

PackedCodes PackedCodes::relaid(std::span<const std::int32_t> from) const {
  PackedCodes codes = without_blocks();
  codes.blocks_ = blocks_.relaid(from);
  codes.numbers_ = numbers_.relaid(from);
  return codes;
}

void PackedCodes::take_from(float* coordinates, std::int64_t point) const {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(block(point / kCodeLanes)) + point % kCodeLanes * 4;
  const float far = numbers_of(point / kCodeLanes)[point % kCodeLanes];
  for (std::int64_t j = 0; j < length_; ++j)
    coordinates[j] -= far * (low_[j] + step_[j] * static_cast<float>(bytes[j / 4 * kGroupBytes + j % 4]));
}

// What codes are to stand for, of some of the rows.
std::vector<float> PackedCodes::sampled(const Frame& frame, const Rows& rows, std::span<const PointId> ids,
                                        const Origins& origins) const {
  const std::int64_t blocks = static_cast<std::int64_t>(ids.size()) / kCodeLanes;
  const std::int64_t count = std::min(blocks, kSample);
  std::vector<float> sample;
  Placed placed;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t b = i * blocks / count;
    placed.place(frame, rows, ids.data() + b * kCodeLanes);
    for (std::int64_t lane = 0; lane < kCodeLanes; lane += kLanesApart) {
      if (ids[b * kCodeLanes + lane] == kNobody) break;
      float* coordinates = placed.coordinates.data() + lane * length_;
      if (origins.centres != nullptr) origins.centres->take_from(coordinates, origins.of[b * kCodeLanes + lane]);
      make_direction(coordinates, length_);
      sample.insert(sample.end(), coordinates, coordinates + length_);
    }
  }
  return sample;
}

// The range of each coordinate's codes.
void PackedCodes::fit(std::span<const float> sample) {
  const std::int64_t count = static_cast<std::int64_t>(sample.size()) / length_;
  std::vector<float> mean(length_), deviation(length_);
  for (std::int64_t j = 0; j < length_; ++j) {
    double sum = 0, square = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double value = sample[i * length_ + j];
      sum += value;
      square += value * value;
    }
    sum /= static_cast<double>(count);
    mean[j] = static_cast<float>(sum);
    deviation[j] = static_cast<float>(std::sqrt(std::max(square / static_cast<double>(count) - sum * sum, 0.0)));
  }
  const auto levels = static_cast<float>(bits_ == 4 ? kHalf : 255);
  const float width = best_width(sample, length_, mean, deviation, levels);
  low_.resize(length_);
  step_.resize(length_);
  for (std::int64_t j = 0; j < length_; ++j) {
    const float reach = width * deviation[j];
    low_[j] = mean[j] - reach;
    step_[j] = 2 * reach / (j < lower_ ? levels : 255);
  }
}

float PackedCodes::encode(float* coordinates, std::int64_t lane, std::byte* block) const {
  const float far = make_direction(coordinates, length_);
  double along = 0;  // how far the code goes in the direction itself
  const auto keep = [&](std::int64_t j, int code) {
    along += static_cast<double>(coordinates[j]) * (low_[j] + step_[j] * static_cast<float>(code));
  };
  for (std::int64_t j = 0; j < lower_; ++j) {
    auto byte = static_cast<int>(code_of(coordinates[j], low_[j], step_[j], bits_ == 4 ? kHalf : 255));
    keep(j, byte);
    if (const std::int64_t up = j + lower_; bits_ == 4 && up < length_) {
      const float wanted = coordinates[up] - step_[up] * static_cast<float>(byte);
      byte += 16 * static_cast<int>(code_of(wanted, low_[up], 16 * step_[up], kHalf));
      keep(up, byte);
    }
    block[j / 4 * kGroupBytes + lane * 4 + j % 4] = static_cast<std::byte>(byte);
  }
  // So far that the code ends where the point does, as seen along the direction.
  const auto whole = static_cast<double>(length_);
  return along > whole / 2 ? static_cast<float>(far * whole / along) : far;
}

void PackedCodes::prepare(const FrameQuery& query, PackedQuery& packed) const {
  const std::int64_t half = 4 * groups_;
  std::int8_t* weights = packed.weights.ensure(bits_ == 4 ? 2 * half : half);
  std::fill(weights, weights + (bits_ == 4 ? 2 * half : half), std::int8_t{0});
  double base = 0;
  const auto take = [&](std::int64_t first, std::int64_t last, std::int8_t* out) {
    float largest = 0;
    for (std::int64_t j = first; j < last; ++j) {
      base += static_cast<double>(query.weights[j]) * low_[j];
      largest = std::max(largest, std::abs(query.weights[j] * step_[j]));
    }
    const bool usable = largest > 0 && largest < std::numeric_limits<float>::infinity();
    const float inverse = usable ? kLargest / largest : 0;
    for (std::int64_t j = first; j < last; ++j) {
      const float weight = query.weights[j] * step_[j] * inverse;
      out[j - first] = static_cast<std::int8_t>(weight == weight ? rounded(weight) : 0);  // NaN has no number
    }
    return usable ? largest / kLargest : 0.0f;
  };
  packed.lower = take(0, lower_, weights);
  packed.upper = lower_ < length_ ? take(lower_, length_, weights + half) : 0.0f;
  packed.base = static_cast<float>(base);
}

}  // namespace anear
