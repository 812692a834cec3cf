#include "storage/code_scale.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <mutex>

namespace anear {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kSample = 4096;    // points that a scale is fitted to
constexpr std::int64_t kCompared = 2048;  // of them with one another,
constexpr std::int64_t kAsking = 16;      // each so many-th as a query,
constexpr std::size_t kNear = 3;          // to see what it has in common with the nearest
constexpr std::size_t kFar = 2048;        // one in so many numbers of a column may be much smaller, and one much larger
constexpr std::int64_t kBins = 4096;      // of a histogram of all numbers
constexpr int kRounds = 60;               // of moving levels into the middle of what is nearest to them
constexpr double kLevels = 255;
constexpr double kFarthest = 1.5;  // ranges from the median that levels are spread over

bool finite(double value) { return std::abs(value) < kInfinity; }

// Some of the points: their numbers, and their weights as queries.
struct Sample {
  std::int64_t count = 0, length = 0;
  bool asks = false;
  std::vector<float> numbers, weights;   // `length` a point
  std::vector<double> own;               // a point's scalars that no query's is multiplied with
  std::vector<double> scalars, factors;  // and the others, with what they are multiplied with

  const float* number(std::int64_t i) const { return numbers.data() + i * length; }
  const float* weight(std::int64_t i) const { return weights.data() + i * length; }
};

Sample sampled(const CodeForm& form, const Rows& rows, Progress& progress) {
  Sample sample;
  sample.count = std::min(rows.count, kSample);
  sample.length = form.length();
  sample.asks = form.kernel == nullptr && form.objects > 0;
  sample.numbers.resize(sample.count * sample.length);
  if (sample.asks) sample.weights.resize(sample.numbers.size());
  const std::int64_t bytes = rows.row_bytes();
  AlignedArray<std::byte> memory(sample.count * bytes);
  for (std::int64_t i = 0; i < sample.count; ++i) {
    std::memcpy(memory.data() + i * bytes, rows.row(i * rows.count / sample.count), bytes);
  }
  const Rows some{memory.data(), sample.count, rows.columns, rows.storage};
  each_point(form, some, 0, sample.asks, 1, progress,
             [&](std::int64_t first, std::int64_t count, const CodePoints& points, CodeScratch&) {
               for (std::int64_t i = 0; i < count; ++i) {
                 float* number = sample.numbers.data() + (first + i) * sample.length;
                 float* weight = sample.asks ? sample.weights.data() + (first + i) * sample.length : nullptr;
                 double own = 0;
                 for (const CodeTerm& term : form.terms) {
                   if (term.length == 0 && form.kernel == nullptr) {
                     const double scalar = points.scalar(i, term);
                     if (term.slot < 0) {
                       own += scalar;
                     } else {
                       sample.scalars.push_back(scalar);
                       sample.factors.push_back(sample.asks ? *points.weights(i, term) : 0);
                     }
                   }
                   const float* from = points.vector(i, term);
                   for (std::int64_t j = 0; j < term.length; ++j) *number++ = from[j * points.stride()];
                   if (weight != nullptr && term.length > 0) {
                     weight = std::copy_n(points.weights(i, term), term.length, weight);
                   }
                 }
                 sample.own.push_back(own);
               }
             });
  return sample;
}

// The least and the greatest number of each column, of all points.
void widest(const CodeForm& form, const Rows& rows, int threads, Progress& progress, CodeScale& scale) {
  const std::int64_t length = form.length();
  std::vector<float> high(length, -kInfinity);
  scale.low.assign(length, kInfinity);
  std::mutex mutex;
  each_point(form, rows, 0, false, threads, progress,
             [&](std::int64_t, std::int64_t count, const CodePoints& points, CodeScratch&) {
               std::vector<float> least(length, kInfinity), most(length, -kInfinity);
               for (std::int64_t i = 0; i < count; ++i) {
                 std::int64_t at = 0;
                 for (const CodeTerm& term : form.terms) {
                   const float* value = points.vector(i, term);
                   for (std::int64_t j = 0; j < term.length; ++j, ++at) {
                     const float v = value[j * points.stride()];
                     least[at] = v < least[at] ? v : least[at];
                     most[at] = v > most[at] ? v : most[at];
                   }
                 }
               }
               const std::lock_guard lock(mutex);
               for (std::int64_t j = 0; j < length; ++j) {
                 scale.low[j] = std::min(scale.low[j], least[j]);
                 high[j] = std::max(high[j], most[j]);
               }
             });
  scale.step.resize(length);
  for (std::int64_t j = 0; j < length; ++j) {
    const float range = high[j] - scale.low[j];
    scale.step[j] = range > 0 && range < kInfinity ? range / static_cast<float>(kLevels) : 0;
    if (!finite(scale.low[j])) scale.low[j] = 0;
  }
}

struct Column {
  double middle = 0, width = 0, weight = 0;
  double least = 0, most = 0;
};

// Where each column's numbers lie, and how much it matters what they are off by. The columns share their levels, which are
// dense where most numbers are: about the medians, that these lie one upon the other.
std::vector<Column> columns_of(const Sample& sample) {
  std::vector<Column> columns(sample.length);
  std::vector<float> numbers;
  for (std::int64_t j = 0; j < sample.length; ++j) {
    numbers.clear();
    double asked = 0, squares = 0, weights = 0;
    for (std::int64_t i = 0; i < sample.count; ++i) {
      if (const float v = sample.number(i)[j]; finite(v)) numbers.push_back(v);
      if (const double w = sample.asks ? sample.weight(i)[j] : 0; finite(w)) {
        asked += w;
        squares += w * w;
        ++weights;
      }
    }
    if (numbers.empty()) continue;
    std::sort(numbers.begin(), numbers.end());
    // A few far points do not take the levels from all others, unless all others are the same.
    const std::size_t few = numbers.size() / kFar, last = numbers.size() - 1;
    const bool same = !(numbers[last - few] > numbers[few]);
    const double bottom = numbers[same ? 0 : few], top = numbers[same ? last : last - few], range = top - bottom;
    if (!(range > 0)) continue;
    const double median = numbers[numbers.size() / 2];
    const double spread = weights > 0 ? squares / weights - (asked / weights) * (asked / weights) : 0;
    columns[j] = {median, range, range * range * (sample.asks ? std::max(spread, 0.0) : 1.0), bottom, top};
  }
  return columns;
}

struct Histogram {
  double low = 0, width = 0;
  std::vector<double> weights, sums;  // of the bins before the i-th

  double at(double part) const {  // below which so much lies
    const double wanted = part * weights.back();
    const auto bin = std::lower_bound(weights.begin() + 1, weights.end(), wanted) - weights.begin() - 1;
    return low + width * (static_cast<double>(std::min<std::ptrdiff_t>(bin, kBins - 1)) + 0.5);
  }
};

// Of the numbers of all columns, each column's in its own width.
Histogram histogram_of(const Sample& sample, const std::vector<Column>& columns) {
  double least = kInfinity, most = -kInfinity;
  const auto each = [&](auto&& take) {
    for (std::int64_t i = 0; i < sample.count; ++i) {
      for (std::int64_t j = 0; j < sample.length; ++j) {
        const Column& column = columns[j];
        const double v = column.width > 0 ? (sample.number(i)[j] - column.middle) / column.width : kInfinity;
        if (finite(v)) take(std::clamp(v, -kFarthest, kFarthest), column.weight);
      }
    }
  };
  each([&](double v, double) {
    least = std::min(least, v);
    most = std::max(most, v);
  });
  Histogram found;
  found.weights.assign(kBins + 1, 0);
  found.sums.assign(kBins + 1, 0);
  if (!(most > least)) return found;
  found.low = least;
  found.width = (most - least) / static_cast<double>(kBins);
  each([&](double v, double weight) {
    const auto bin = std::min(static_cast<std::int64_t>((v - least) / found.width), kBins - 1);
    found.weights[bin + 1] += weight;
    found.sums[bin + 1] += weight * v;
  });
  for (std::int64_t i = 0; i < kBins; ++i) {
    found.weights[i + 1] += found.weights[i];
    found.sums[i + 1] += found.sums[i];
  }
  return found;
}

// Sixteen numbers that all others are near to, by the squares of the distances (Lloyd, IEEE Trans. Inf. Theory 28, 1982).
std::array<double, 16> levels_of(const Histogram& numbers) {
  std::array<double, 16> levels;
  const double all = numbers.width * static_cast<double>(kBins);
  for (int i = 0; i < 16; ++i) {  // from between even steps and even shares
    levels[i] = 0.5 * (numbers.low + all * i / 15.0) + 0.5 * numbers.at((i + 0.5) / 16);
  }
  for (int round = 0; round < kRounds; ++round) {
    std::int64_t first = 0;
    for (int i = 0; i < 16; ++i) {
      const double border = i < 15 ? (0.5 * (levels[i] + levels[i + 1]) - numbers.low) / numbers.width : kBins;
      const auto last = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(border)), first, kBins);
      const double weight = numbers.weights[last] - numbers.weights[first];
      if (weight > 0) levels[i] = (numbers.sums[last] - numbers.sums[first]) / weight;
      first = last;
    }
  }
  std::sort(levels.begin(), levels.end());
  return levels;
}

void sixteen_levels(const Sample& sample, bool compiled, CodeScale& scale) {
  std::vector<Column> columns = columns_of(sample);
  if (std::none_of(columns.begin(), columns.end(), [](const Column& c) { return c.weight > 0; })) {
    for (Column& column : columns) column.weight = column.width * column.width;
  }
  const Histogram numbers = histogram_of(sample, columns);
  std::array<double, 16> levels{};
  if (numbers.weights.back() > 0) levels = levels_of(numbers);
  const double range = levels.back() - levels.front();
  for (int i = 0; i < 16; ++i) {
    scale.levels[i] = static_cast<std::uint8_t>(range > 0 ? std::lround((levels[i] - levels[0]) / range * kLevels) : 0);
  }
  for (std::int64_t j = 0; j < sample.length; ++j) {
    const Column& column = columns[j];
    double low = column.middle + column.width * levels.front(), high = column.middle + column.width * levels.back();
    if (compiled) {  // a formula may not be defined beyond the numbers that there are
      low = std::max(low, column.least);
      high = std::min(high, column.most);
    }
    const float first = sample.number(0)[j];
    const bool one = !(column.width > 0) || !(high > low);
    scale.low.push_back(one ? (finite(first) ? first : 0) : static_cast<float>(low));
    scale.step.push_back(one ? 0 : static_cast<float>((high - low) / kLevels));
  }
}

// The sum of the products, in an order that compilers turn into vectors.
double inner(const float* a, const float* b, std::int64_t length) {
  std::array<float, 16> sums{};
  std::int64_t j = 0;
  for (; j + 16 <= length; j += 16) {
    for (int lane = 0; lane < 16; ++lane) sums[lane] += a[j + lane] * b[j + lane];
  }
  double total = 0;
  for (; j < length; ++j) total += static_cast<double>(a[j]) * b[j];
  for (const float sum : sums) total += sum;
  return total;
}

// How much of what a point's code is off by, in its own eyes, those see that it is among the nearest to.
double share_of(const CodeForm& form, const Sample& sample, const CodeScale& scale) {
  const std::int64_t length = sample.length, count = std::min(sample.count, kCompared);
  const auto extra = static_cast<std::int64_t>(sample.scalars.size()) / std::max<std::int64_t>(sample.count, 1);
  const std::array<std::uint8_t, 256> nearest = scale.nearest(form.bits);
  std::vector<float> off(count * length), apart(count * length);  // numbers less what their codes stand for; Q - middle
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < length; ++j) {
      const std::int64_t at = i * length + j;
      const std::int32_t level = level_of(sample.numbers[at], scale.low[j], scale.step[j]);
      const float stands =
          scale.low[j] + scale.step[j] * static_cast<float>(form.bits == 4 ? scale.levels[nearest[level]] : level);
      off[at] = finite(sample.numbers[at]) ? sample.numbers[at] - stands : 0;
      apart[at] = finite(sample.weights[at]) ? sample.weights[at] - scale.middle[j] : 0;
    }
  }
  double product = 0, square = 0;
  std::vector<std::pair<double, std::int64_t>> met;
  for (std::int64_t asking = 0; asking < count; asking += kAsking) {
    met.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      double value = sample.own[i] + inner(sample.weight(asking), sample.number(i), length);
      for (std::int64_t s = 0; s < extra; ++s)
        value += sample.factors[asking * extra + s] * sample.scalars[i * extra + s];
      if (i != asking && finite(value)) met.emplace_back(value, i);
    }
    // Each of those that ask counts the same, however large its weights are.
    const double far = inner(apart.data() + asking * length, apart.data() + asking * length, length);
    if (!(far > 0 && finite(far))) continue;
    const auto few = static_cast<std::ptrdiff_t>(std::min(kNear, met.size()));
    std::partial_sort(met.begin(), met.begin() + few, met.end());
    for (std::ptrdiff_t near = 0; near < few; ++near) {
      const std::int64_t i = met[near].second;
      const double seen = inner(apart.data() + asking * length, off.data() + i * length, length);
      const double own = inner(apart.data() + i * length, off.data() + i * length, length);
      product += seen * own / far;
      square += own * own / far;
    }
  }
  const double share = product / square;
  return share > 0 ? std::min(share, 1.0) : 0;
}

void weights_in_common(const CodeForm& form, const Sample& sample, CodeScale& scale) {
  scale.middle.assign(sample.length, 0);
  std::vector<float> weights;
  for (std::int64_t j = 0; j < sample.length && sample.asks; ++j) {
    weights.clear();
    for (std::int64_t i = 0; i < sample.count; ++i) {
      if (const float w = sample.weight(i)[j]; finite(w)) weights.push_back(w);
    }
    if (weights.empty()) continue;
    const auto half = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2);
    std::nth_element(weights.begin(), half, weights.end());
    scale.middle[j] = *half;
  }
  if (sample.asks) scale.share = share_of(form, sample, scale);
  double shift = 0;
  std::int64_t numbers = 0;
  for (std::int64_t i = 0; i < sample.count; ++i) {
    double own = sample.own[i];
    for (std::int64_t j = 0; j < sample.length; ++j) own += static_cast<double>(scale.middle[j]) * sample.number(i)[j];
    if (finite(own)) {
      shift += own;
      ++numbers;
    }
  }
  scale.shift = numbers > 0 ? shift / static_cast<double>(numbers) : 0;
}

}  // namespace

std::array<std::uint8_t, 256> CodeScale::nearest(std::int32_t bits) const {
  std::array<std::uint8_t, 256> codes;
  for (int level = 0; level < 256; ++level) {
    codes[level] = static_cast<std::uint8_t>(level);
    if (bits == 8) continue;
    const auto off = [&](std::uint8_t at) { return std::abs(levels[at] - level); };
    codes[level] = 0;
    for (std::uint8_t code = 1; code < 16; ++code) {
      if (off(code) < off(codes[level])) codes[level] = code;
    }
  }
  return codes;
}

CodeScale code_scale(const CodeForm& form, const Rows& rows, int threads, Progress& progress) {
  CodeScale scale;
  const bool bilinear = form.kernel == nullptr;
  const Sample sample = bilinear || form.bits == 4 ? sampled(form, rows, progress) : Sample{};
  if (form.bits == 4) {
    sixteen_levels(sample, !bilinear, scale);
  } else {
    widest(form, rows, threads, progress, scale);
  }
  if (bilinear) weights_in_common(form, sample, scale);
  return scale;
}

}  // namespace anear
