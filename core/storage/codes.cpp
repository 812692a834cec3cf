#include "storage/codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/features.h"
#include "base/intrinsics.h"

namespace anear {
namespace {

constexpr float kWeights = 16256;     // 127 * 128: the largest weight
constexpr float kShortWeights = 127;  // beside codes of four bits

// The nearest whole number of a small one, in the way that compilers turn into vectors.
float rounded(float v) {
  constexpr float kWhole = 12582912;  // 1.5 * 2^23: beside it there is no room for fractions
  return (v + kWhole) - kWhole;
}

// A term's weights before they are whole: (slot - middle) * step.
struct Weights {
  const float *slots, *middle, *step;
  std::int64_t count;
  float operator[](std::int64_t j) const { return (slots[j] - middle[j]) * step[j]; }
};

// The largest, without its sign. Many at a time, for a maximum that waits for the one before is slow; what is no number
// does not count.
ANEAR_INLINE float largest_loop(const Weights& weights) {
  constexpr std::int64_t kSide = 16;
  float largest[kSide] = {};
  std::int64_t j = 0;
  for (; j + kSide <= weights.count; j += kSide) {
    for (std::int64_t l = 0; l < kSide; ++l) largest[l] = std::max(largest[l], std::abs(weights[j + l]));
  }
  for (; j < weights.count; ++j) largest[0] = std::max(largest[0], std::abs(weights[j]));
  return *std::max_element(largest, largest + kSide);
}

// Times `inverse`, as whole numbers: 128 * high + low, or high alone.
template <bool full>
ANEAR_INLINE void whole_loop(const Weights& weights, float inverse, std::int8_t* high, std::int8_t* low) {
  for (std::int64_t j = 0; j < weights.count; ++j) {
    const float product = rounded(weights[j] * inverse);
    const auto weight = static_cast<std::int32_t>(product == product ? product : 0);  // NaN has no number
    const std::int32_t upper = full ? (weight + 64) >> 7 : weight;
    high[j] = static_cast<std::int8_t>(upper);
    if (full) low[j] = static_cast<std::int8_t>(weight - 128 * upper);
  }
}

#ifdef ANEAR_AVX2
ANEAR_AVX2 float largest_wide(const Weights& weights) { return largest_loop(weights); }

template <bool full>
ANEAR_AVX2 void whole_wide(const Weights& weights, float inverse, std::int8_t* high, std::int8_t* low) {
  whole_loop<full>(weights, inverse, high, low);
}
#endif

float largest_of(const Weights& weights) {
#ifdef ANEAR_AVX2
  if (may_use_avx2()) return largest_wide(weights);
#endif
  return largest_loop(weights);
}

template <bool full>
void make_whole(const Weights& weights, float inverse, std::int8_t* high, std::int8_t* low) {
#ifdef ANEAR_AVX2
  if (may_use_avx2()) return whole_wide<full>(weights, inverse, high, low);
#endif
  whole_loop<full>(weights, inverse, high, low);
}

bool finite(double value) { return std::abs(value) < std::numeric_limits<float>::infinity(); }

void compiled_values(const Codes& codes, const CodeQuery& query, const PointId* ids, std::int64_t n, float* out) {
  const CodeForm& form = codes.form();
  form.kernel->kernels().gather_rows(query.raw, codes.row(0), codes.row_bytes(), ids, n, form.kernel_parameters.data(),
                                     out);
}

}  // namespace

void CodeForm::check() const {
  table->check();
  const KernelTable& t = table->kernels();
  require(t.prepare_points != nullptr && t.prepare_query != nullptr && t.arithmetic_bytes == 4,
          "the table of codes lacks 'prepare_points' or 'prepare_query', or does not compute in float32");
  require(bits == 8 || bits == 4, "codes have 8 or 4 bits, not " + std::to_string(bits));
  require(!whole || length() == t.point_columns, "the codes are not those of the coordinates");
  require(objects == 0 || (objects == t.query_columns && objects <= t.point_columns), "the points are no such queries");
  for (const CodeTerm& term : terms) {
    const std::int64_t numbers = std::max<std::int64_t>(term.length, 1);
    const std::int64_t size = term.length > 0 || kernel != nullptr ? 4 : 8;
    require(term.length >= 0 && term.slot >= (term.length > 0 ? 0 : -1) && term.slot + numbers <= t.query_slots &&
                term.block_offset >= 0 && term.block_offset % size == 0 &&
                term.block_offset + size * numbers * t.block <= t.point_block_bytes,
            "a term of the codes does not fit the table");
    if (kernel == nullptr) continue;
    const auto parameters_there = static_cast<std::int64_t>(kernel_parameters.size());
    const std::int64_t bytes = term.length > 0 ? coded_bytes(term.length) : 4;
    require(0 <= term.row_offset && term.row_offset + bytes <= kernel->kernels().row_bytes &&
                (term.length > 0 || term.row_offset % 4 == 0),
            "a term of the codes does not fit the kernel's rows");
    require(0 <= term.low_at && term.low_at + term.length <= parameters_there && 0 <= term.step_at &&
                term.step_at + term.length <= parameters_there,
            "a term of the codes does not fit the kernel's parameters");
  }
  if (kernel != nullptr) {
    kernel->check();
    const KernelTable& k = kernel->kernels();
    require(k.gather_rows != nullptr && k.arithmetic_bytes == 4 && k.query_slots == t.query_slots,
            "the kernel of codes lacks 'gather_rows', or does not fit the table");
    require(bits == 8 || (0 <= levels_at && levels_at + 16 <= static_cast<std::int64_t>(kernel_parameters.size())),
            "the levels of the codes do not fit the kernel's parameters");
  }
  require(length() > 0, "the codes have no vector");
}

std::int64_t CodeForm::length() const {
  std::int64_t all = 0;
  for (const CodeTerm& term : terms) all += term.length;
  return all;
}

void Codes::measure() {
  length_ = form_.length();
  if (form_.kernel != nullptr) {
    row_bytes_ = form_.kernel->kernels().row_bytes;
    scalars_ = 0;  // they lie in the rows
    values_ = compiled_values;
  } else {
    row_bytes_ = code_place(form_.bits, length_ - 1).byte + 1;
    scalars_ = 1;  // those that no query's is multiplied with are one
    for (const CodeTerm& term : form_.terms) scalars_ += term.length == 0 && term.slot >= 0 ? 1 : 0;
    values_ = bilinear_values(form_.bits, length_);
  }
  row_bytes_ = (row_bytes_ + kCodeRegister - 1) / kCodeRegister * kCodeRegister;
}

Codes::Codes(CodeForm form, std::int64_t points, const MadeCodes& made) : form_(std::move(form)) {
  measure();
  const auto fits = [](std::size_t size, std::int64_t wanted) { return static_cast<std::int64_t>(size) == wanted; };
  const std::int64_t common = form_.kernel == nullptr ? length_ + 2 : 0, levels = form_.bits == 4 ? 16 : 0;
  require(fits(made.rows.size(), points * row_bytes_) && fits(made.scalars.size(), points * scalars_) &&
              fits(made.low.size(), length_) && fits(made.step.size(), length_) && fits(made.common.size(), common) &&
              fits(made.levels.size(), levels),
          "the codes are not of " + std::to_string(points) + " points of " + std::to_string(length_) + " numbers");
  require(std::all_of(made.low.begin(), made.low.end(), finite) &&
              std::all_of(made.step.begin(), made.step.end(), finite) &&
              std::all_of(made.common.begin(), made.common.end(), finite),
          "the numbers that codes stand for are not all finite");
  scale_.low.assign(made.low.begin(), made.low.end());
  scale_.step.assign(made.step.begin(), made.step.end());
  std::copy(made.levels.begin(), made.levels.end(), scale_.levels.begin());
  common_.assign(made.common.begin(), made.common.end());
  if (common > 0) {
    scale_.middle.assign(common_.begin(), common_.end() - 2);
    scale_.share = common_[length_];
    scale_.shift = common_[length_ + 1];
  }
  fill_parameters();
  memory_ = AlignedArray<std::byte>::over(made.rows.data(), made.rows.size());
  numbers_ = AlignedArray<float>::over(made.scalars.data(), made.scalars.size());
}

Codes::Codes(CodeForm form, const Rows& rows, int threads, Progress& progress) : form_(std::move(form)) {
  measure();
  scale_ = code_scale(form_, rows, threads, progress);
  if (form_.kernel == nullptr) {
    common_.assign(scale_.middle.begin(), scale_.middle.end());
    common_.insert(common_.end(), {scale_.share, scale_.shift});
  }
  fill_parameters();
  encode(rows, 0, memory_.ensure(rows.count * row_bytes_), numbers_.ensure(rows.count * scalars_), threads, progress);
}

void Codes::encode(const Rows& rows, std::int64_t first, std::byte* codes, float* scalars, int threads,
                   Progress& progress) const {
  const std::array<std::uint8_t, 256> nearest = scale_.nearest(form_.bits);
  each_point(form_, rows, first, form_.kernel == nullptr, threads, progress,
             [&](std::int64_t begin, std::int64_t count, const CodePoints& points, CodeScratch& scratch) {
               for (std::int64_t i = 0; i < count; ++i) {
                 encode_one(points, i, nearest, codes + (begin + i) * row_bytes_, scalars + (begin + i) * scalars_);
               }
               if (form_.kernel != nullptr && form_.whole) scalars_of_codes(begin, count, codes, scratch);
             });
}

// Where the j-th code of a term lies in a row, the one of that column.
CodePlace Codes::place(const CodeTerm& term, std::int64_t column, std::int64_t j) const {
  if (form_.kernel == nullptr) return code_place(form_.bits, column);
  if (form_.bits == 8) return {term.row_offset + j, 0};
  return {term.row_offset + j / 2, j % 2 == 0 ? 0 : 4};
}

float Codes::stands_for(const std::byte* row, CodePlace place, std::int64_t column) const {
  const std::int32_t code = static_cast<std::int32_t>(row[place.byte]) >> place.shift;
  const std::int32_t level = form_.bits == 8 ? code : scale_.levels[code & 15];
  return scale_.low[column] + scale_.step[column] * static_cast<float>(level);
}

// What is prepared of points anew, of what their codes stand for, which are written already.
void Codes::scalars_of_codes(std::int64_t first, std::int64_t count, std::byte* codes, CodeScratch& scratch) const {
  const KernelTable& table = form_.table->kernels();
  float* decoded = scratch.decoded.ensure(count * length_);
  for (const CodeTerm& term : form_.terms) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::byte* row = codes + (first + i) * row_bytes_;
      for (std::int64_t j = 0; j < term.length; ++j) {
        decoded[i * length_ + j] = stands_for(row, place(term, j, j), j);
      }
    }
  }
  const Rows rows{reinterpret_cast<const std::byte*>(decoded), count, length_, Storage::float32};
  prepare_blocks(table, form_.parameters.data(), rows, 0, (count + table.block - 1) / table.block,
                 scratch.blocks.data(), nullptr, scratch.raw);
  const CodePoints points{&form_, scratch.blocks.data(), nullptr};
  for (const CodeTerm& term : form_.terms) {
    for (std::int64_t i = 0; i < count && term.length == 0; ++i) {
      const float* scalar = points.vector(i, term);
      if (finite(*scalar)) std::memcpy(codes + (first + i) * row_bytes_ + term.row_offset, scalar, sizeof(float));
    }
  }
}

void Codes::encode_one(const CodePoints& points, std::int64_t i, const std::array<std::uint8_t, 256>& nearest,
                       std::byte* row, float* scalars) const {
  const bool bilinear = form_.kernel == nullptr;
  std::fill(row, row + row_bytes_, std::byte{0});
  double own = 0;
  float* multiplied = scalars + 1;
  std::int64_t at = 0;
  for (const CodeTerm& term : form_.terms) {
    if (term.length == 0) {
      if (!bilinear) {
        std::memcpy(row + term.row_offset, points.vector(i, term), sizeof(float));
      } else if (term.slot < 0) {
        own += points.scalar(i, term);
      } else {
        *multiplied++ = static_cast<float>(points.scalar(i, term));
      }
      continue;
    }
    const float* value = points.vector(i, term);
    const float* weights = points.queries != nullptr ? points.weights(i, term) : nullptr;
    for (std::int64_t j = 0; j < term.length; ++j, ++at) {
      const float number = value[j * points.stride()];
      const std::int32_t level = level_of(number, scale_.low[at], scale_.step[at]);
      const CodePlace here = place(term, at, j);
      row[here.byte] |= static_cast<std::byte>(nearest[level] << here.shift);
      if (!bilinear) continue;
      own += static_cast<double>(scale_.middle[at]) * number;
      const float apart = weights != nullptr ? weights[j] - scale_.middle[at] : 0,
                  off = number - stands_for(row, here, at);
      if (finite(apart) && finite(off)) own += scale_.share * apart * off;
    }
  }
  if (bilinear) scalars[0] = static_cast<float>(own - scale_.shift);
}

void Codes::extend(const Rows& rows, std::int64_t first, int threads, Gate& gate, Progress& progress) {
  const std::size_t size = rows.count * row_bytes_, numbers = rows.count * scalars_;
  AlignedArray<std::byte> codes;
  AlignedArray<float> scalars;
  if (size > memory_.size()) codes = memory_.grown(size, first * row_bytes_);
  if (numbers > numbers_.size()) scalars = numbers_.grown(numbers, first * scalars_);
  encode(rows, first, codes.size() > 0 ? codes.data() : memory_.data(),
         scalars.size() > 0 ? scalars.data() : numbers_.data(), threads, progress);
  const Gate::Alone alone(gate);
  if (codes.size() > 0) memory_ = std::move(codes);
  if (scalars.size() > 0) numbers_ = std::move(scalars);
}

void Codes::fill_parameters() {
  if (form_.kernel == nullptr) return;
  std::int64_t at = 0;
  for (const CodeTerm& term : form_.terms) {
    for (std::int64_t j = 0; j < term.length; ++j, ++at) {
      form_.kernel_parameters[term.low_at + j] = scale_.low[at];
      form_.kernel_parameters[term.step_at + j] = scale_.step[at];
    }
  }
  if (form_.bits == 4) {
    std::copy(scale_.levels.begin(), scale_.levels.end(), form_.kernel_parameters.begin() + form_.levels_at);
  }
}

void Codes::prepare(const PreparedQueries& queries, std::int64_t i, CodeQuery& query) const {
  query.raw = queries.query(i);
  if (form_.kernel != nullptr) return;
  const auto* slots = reinterpret_cast<const float*>(queries.query(i));
  const bool full = form_.bits == 8;
  const std::int64_t padded = row_bytes_ * 8 / form_.bits;
  std::int8_t* high = query.high.ensure(padded);
  std::int8_t* low = query.low.ensure(full ? padded : 0);
  query.scalars.clear();
  const auto each_vector = [&](const auto& take) {
    std::int64_t at = 0;
    for (const CodeTerm& term : form_.terms) {
      if (term.length == 0) continue;
      take(Weights{slots + term.slot, scale_.middle.data() + at, scale_.step.data() + at, term.length}, at);
      at += term.length;
    }
  };
  for (const CodeTerm& term : form_.terms) {
    if (term.length == 0 && term.slot >= 0) query.scalars.push_back(slots[term.slot]);
  }
  float largest = 0;
  each_vector([&](const Weights& weights, std::int64_t) { largest = std::max(largest, largest_of(weights)); });
  const bool usable = largest > 0 && finite(largest);
  const float most = full ? kWeights : kShortWeights;
  query.scale = usable ? largest / most : 0;
  const float inverse = usable ? most / largest : 0;
  each_vector([&](const Weights& weights, std::int64_t at) {
    full ? make_whole<true>(weights, inverse, high + at, low + at)
         : make_whole<false>(weights, inverse, high + at, nullptr);
  });
  std::fill(high + length_, high + padded, std::int8_t{0});
  if (full) std::fill(low + length_, low + padded, std::int8_t{0});
}

}  // namespace anear
