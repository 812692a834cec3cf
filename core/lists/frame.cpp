#include "lists/frame.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"

namespace anear {
namespace {

constexpr std::int64_t kSample = 4096;
constexpr std::int64_t kAtOnce = 64;  // rows
constexpr double kLeast = 1e-6;       // of the mean of the squares: less is no reason to stretch
constexpr float kHuge = 0x1p100f;     // what is larger counts as infinite

float finite(float v) { return std::abs(v) < kHuge ? v : 0.0f; }

// Numbers below a part of the mean count as that.
void lift(std::vector<double>& values) {
  double mean = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (double& v : values) v = mean > 0 && std::isfinite(mean) ? std::max(v, kLeast * mean) : 1;
}

}  // namespace

Rows brought(const Rows& rows, const PointId* ids, std::int64_t count, AlignedArray<std::byte>& memory) {
  const std::int64_t bytes = rows.row_bytes();
  std::byte* out = memory.ensure(count * bytes);
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(out + i * bytes, rows.row(ids[i] == kNobody ? 0 : ids[i]), bytes);
  return {out, count, rows.columns, rows.storage};
}

void Frame::measure() {
  for (const CodeTerm& term : form_.terms)
    (term.length > 0 ? length_ : scalars_) += std::max<std::int64_t>(term.length, 1);
  turn_ = Turn(length_);
}

Frame::Frame(CodeForm form, std::vector<float> middle, std::vector<float> stretch)
    : form_(std::move(form)), middle_(std::move(middle)), stretch_(std::move(stretch)) {
  measure();
  const auto usable = [&](const std::vector<float>& values) {
    return static_cast<std::int64_t>(values.size()) == length_ &&
           std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  };
  require(usable(middle_) && usable(stretch_) &&
              std::all_of(stretch_.begin(), stretch_.end(), [](float v) { return v > 0; }),
          "the numbers that codes are measured from do not fit the distance");
}

Frame::Frame(CodeForm form, const Rows& points, const Rows& objects) : form_(std::move(form)) {
  measure();
  const KernelTable& table = form_.table->kernels();
  middle_.assign(length_, 0.0f);
  stretch_.assign(length_, 1.0f);
  std::vector<double> sum(length_), square(length_), weight(length_);
  const std::int64_t count = std::min(points.count, kSample);
  std::vector<PointId> ids(count);
  for (std::int64_t i = 0; i < count; ++i) ids[i] = static_cast<PointId>(i * points.count / count);
  AlignedArray<std::byte> memory;
  AlignedArray<float> coordinates(kAtOnce * length_), scalars(kAtOnce * std::max<std::int64_t>(scalars_, 1));
  Scratch scratch;
  PreparedQueries queries;
  for (std::int64_t first = 0; first < count; first += kAtOnce) {
    const std::int64_t now = std::min(kAtOnce, count - first);
    untouched(brought(points, ids.data() + first, now, memory), scratch, coordinates.data(), scalars.data());
    for (std::int64_t i = 0; i < now * length_; ++i) {
      const double value = finite(coordinates[i]);
      sum[i % length_] += value;
      square[i % length_] += value * value;
    }
    queries.prepare(table, form_.parameters.data(), brought(objects, ids.data() + first, now, memory), 0, now, now);
    for (std::int64_t i = 0; i < now; ++i) {
      const auto* slots = reinterpret_cast<const float*>(queries.query(i));
      std::int64_t at = 0;
      for (const CodeTerm& term : form_.terms) {
        for (std::int64_t j = 0; j < term.length; ++j, ++at) {
          const double value = finite(slots[term.slot + j]);
          weight[at] += value * value;
        }
      }
    }
  }
  for (std::int64_t j = 0; j < length_; ++j) {
    const double mean = sum[j] / static_cast<double>(count);
    middle_[j] = static_cast<float>(mean);
    square[j] = std::max(square[j] / static_cast<double>(count) - mean * mean, 0.0);
    weight[j] /= static_cast<double>(count);
  }
  lift(square);
  lift(weight);
  for (std::int64_t j = 0; j < length_; ++j) {
    const auto stretch = static_cast<float>(std::pow(weight[j] / square[j], 0.25));
    stretch_[j] = std::isfinite(stretch) && stretch > 0 ? stretch : 1;
  }
}

void Frame::untouched(const Rows& rows, Scratch& scratch, float* coordinates, float* scalars) const {
  const KernelTable& table = form_.table->kernels();
  const std::int64_t blocks = (rows.count + table.block - 1) / table.block;
  scratch.blocks.ensure(blocks * table.point_block_bytes);
  prepare_blocks(table, form_.parameters.data(), rows, 0, blocks, scratch.blocks.data(), nullptr, scratch.raw);
  for (std::int64_t i = 0; i < rows.count; ++i) {
    const std::byte* block = scratch.blocks.data() + i / table.block * table.point_block_bytes;
    for (const CodeTerm& term : form_.terms) {
      if (term.length == 0) {
        *scalars++ =
            finite(static_cast<float>(*(reinterpret_cast<const double*>(block + term.block_offset) + i % table.block)));
      }
      const float* value = reinterpret_cast<const float*>(block + term.block_offset) + i % table.block;
      for (std::int64_t j = 0; j < term.length; ++j) *coordinates++ = value[j * table.block];
    }
  }
}

void Frame::place(const Rows& rows, Scratch& scratch, float* coordinates, float* scalars) const {
  untouched(rows, scratch, coordinates, scalars);
  float* moved = scratch.vector.ensure(length_);
  for (std::int64_t i = 0; i < rows.count; ++i, coordinates += length_) {
    // What is not finite stands in the middle: it would be all that is left of a turned vector.
    for (std::int64_t j = 0; j < length_; ++j) moved[j] = finite((coordinates[j] - middle_[j]) * stretch_[j]);
    turn_(moved, coordinates);
  }
}

void Frame::prepare(const PreparedQueries& queries, std::int64_t i, FrameQuery& query) const {
  const auto* slots = reinterpret_cast<const float*>(queries.query(i));
  float* stretched = query.stretched.ensure(length_);
  query.scalars.clear();
  double base = 0;
  std::int64_t at = 0;
  for (const CodeTerm& term : form_.terms) {
    if (term.length == 0) query.scalars.push_back(term.slot < 0 ? 1 : slots[term.slot]);
    for (std::int64_t j = 0; j < term.length; ++j, ++at) {
      const float weight = finite(slots[term.slot + j]);
      base += static_cast<double>(weight) * middle_[at];
      stretched[at] = weight / stretch_[at];
    }
  }
  query.base = base;
  turn_(stretched, query.weights.ensure(length_));
}

}  // namespace anear
