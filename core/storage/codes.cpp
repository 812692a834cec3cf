#include "storage/codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include "base/error.h"
#include "base/features.h"
#include "base/parallel.h"
#include "base/spares.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#if !defined(__clang__)
// GCC's own intrinsics begin with a register that holds nothing yet (its bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define ANEAR_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#endif

namespace anear {
namespace {

constexpr std::int64_t kRegister = 64;    // codes that one instruction takes at most
constexpr std::int64_t kTaskRows = 4096;  // prepared by a task
constexpr std::int64_t kTaskBlocks = 8;   // at a time
constexpr float kLevels = 255;
constexpr float kWeights = 16256;  // 127 * 128: the largest weight

// The nearest whole number of a small one, in the way that compilers turn into vectors.
float rounded(float v) {
  constexpr float kWhole = 12582912;  // 1.5 * 2^23: beside it there is no room for fractions
  return (v + kWhole) - kWhole;
}

struct Scratch {
  AlignedArray<double> raw;
  AlignedArray<std::byte> blocks;
};

// Calls take(first, count, blocks) for all points from `begin` on, some at a time.
template <class Take>
void each_point(const CodeForm& form, const Rows& rows, std::int64_t begin, int threads, Progress& progress,
                const Take& take) {
  const KernelTable& table = form.table->kernels();
  Spares<Scratch> spares;
  progress.start(rows.count - begin);
  parallel_for((rows.count - begin + kTaskRows - 1) / kTaskRows, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    scratch->blocks.ensure(kTaskBlocks * table.point_block_bytes);
    const std::int64_t start = begin + task * kTaskRows, end = std::min(start + kTaskRows, rows.count);
    for (std::int64_t first = start; first < end; first += kTaskBlocks * table.block) {
      const std::int64_t count = std::min(kTaskBlocks * table.block, end - first);
      prepare_blocks(table, form.parameters.data(), rows, first, (count + table.block - 1) / table.block,
                     scratch->blocks.data(), nullptr, scratch->raw);
      take(first, count, scratch->blocks.data());
    }
    spares.give(std::move(scratch));
    progress.advance(end - start);
  });
}

const float* entry(const KernelTable& table, const std::byte* blocks, std::int64_t i, const CodeTerm& term) {
  const std::byte* block = blocks + i / table.block * table.point_block_bytes + term.block_offset;
  return reinterpret_cast<const float*>(block) + i % table.block;
}

void plain_values(const Codes& codes, const CodeQuery& query, const std::int32_t* ids, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    const std::byte* row = codes.row(ids[i]);
    const auto* code = reinterpret_cast<const std::uint8_t*>(row);
    std::int32_t high = 0, low = 0;
    for (std::int64_t j = 0; j < codes.length(); ++j) {
      high += static_cast<std::int32_t>(code[j]) * query.high[j];
      low += static_cast<std::int32_t>(code[j]) * query.low[j];
    }
    float value = query.base;
    const float* scalars = codes.scalars_of(ids[i]);
    for (std::int64_t s = 0; s < codes.scalars(); ++s) value += query.scalars[s] * scalars[s];
    out[i] = value + query.scale * (128 * static_cast<float>(high) + static_cast<float>(low));
  }
}

void compiled_values(const Codes& codes, const CodeQuery& query, const std::int32_t* ids, std::int64_t n, float* out) {
  const CodeForm& form = codes.form();
  form.kernel->kernels().gather_rows(query.raw, codes.row(0), codes.row_bytes(), ids, n, form.kernel_parameters.data(),
                                     out);
}

#ifdef ANEAR_VNNI
// Rows ahead of which the processor is told: a row's lines come from memory in the time that so many rows take.
constexpr std::int64_t kAhead = 4;

ANEAR_VNNI inline float vnni_value(const Codes& codes, const CodeQuery& query, std::int32_t id) {
  const std::byte* row = codes.row(id);
  __m512i high = _mm512_setzero_si512(), low = _mm512_setzero_si512();
  for (std::int64_t j = 0; j < codes.row_bytes(); j += kRegister) {  // padded with zeros
    const __m512i code = _mm512_load_si512(row + j);
    high = _mm512_dpbusd_epi32(high, code, _mm512_load_si512(query.high.data() + j));
    low = _mm512_dpbusd_epi32(low, code, _mm512_load_si512(query.low.data() + j));
  }
  const __m512 sum = _mm512_fmadd_ps(_mm512_set1_ps(128.0f), _mm512_cvtepi32_ps(high), _mm512_cvtepi32_ps(low));
  float value = query.base;
  const float* scalars = codes.scalars_of(id);
  for (std::int64_t s = 0; s < codes.scalars(); ++s) value += query.scalars[s] * scalars[s];
  return value + query.scale * _mm512_reduce_add_ps(sum);
}

ANEAR_VNNI void vnni_values(const Codes& codes, const CodeQuery& query, const std::int32_t* ids, std::int64_t n,
                            float* out) {
  const std::int64_t bytes = codes.row_bytes();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::byte* soon = codes.row(ids[std::min(i + kAhead, n - 1)]);
    for (std::int64_t line = 0; line < bytes; line += 64) prefetch(soon + line);
    out[i] = vnni_value(codes, query, ids[i]);
  }
}

bool has_vnni() {
  static const bool has = [] {
    const std::vector<std::string> all = host_features();
    const auto there = [&](const char* name) { return std::find(all.begin(), all.end(), name) != all.end(); };
    return there("avx512vnni") && there("avx512bw") && there("avx512vl") && there("avx512f");
  }();
  return has;
}
#endif

}  // namespace

void CodeForm::check() const {
  table->check();
  const KernelTable& t = table->kernels();
  require(t.prepare_points != nullptr && t.prepare_query != nullptr && t.arithmetic_bytes == 4,
          "the table of codes lacks 'prepare_points' or 'prepare_query', or does not compute in float32");
  std::int64_t codes = 0;
  for (const CodeTerm& term : terms) {
    const std::int64_t numbers = std::max<std::int64_t>(term.length, 1);
    require(term.length >= 0 && term.slot >= (term.length > 0 ? 0 : -1) && term.slot + numbers <= t.query_slots &&
                term.block_offset >= 0 && term.block_offset % 4 == 0 &&
                term.block_offset + 4 * numbers * t.block <= t.point_block_bytes,
            "a term of the codes does not fit the table");
    codes += term.length;
    if (kernel == nullptr) continue;
    const auto size = static_cast<std::int64_t>(kernel_parameters.size());
    const std::int64_t bytes = term.length > 0 ? term.length : 4;
    require(0 <= term.row_offset && term.row_offset + bytes <= kernel->kernels().row_bytes &&
                (term.length > 0 || term.row_offset % 4 == 0),
            "a term of the codes does not fit the kernel's rows");
    require(0 <= term.low_at && term.low_at + term.length <= size && 0 <= term.step_at &&
                term.step_at + term.length <= size,
            "a term of the codes does not fit the kernel's parameters");
  }
  if (kernel != nullptr) {
    kernel->check();
    const KernelTable& k = kernel->kernels();
    require(k.gather_rows != nullptr && k.arithmetic_bytes == 4 && k.query_slots == t.query_slots,
            "the kernel of codes lacks 'gather_rows', or does not fit the table");
  }
  require(codes > 0, "the codes have no vector");
}

void Codes::measure() {
  for (const CodeTerm& term : form_.terms)
    (term.length > 0 ? length_ : scalars_) += std::max<std::int64_t>(term.length, 1);
  const std::int64_t bytes = form_.kernel ? form_.kernel->kernels().row_bytes : length_;
  row_bytes_ = (bytes + kRegister - 1) / kRegister * kRegister;
  values_ = plain_values;
  if (form_.kernel != nullptr) {
    scalars_ = 0;  // they lie in the rows
    values_ = compiled_values;
    return;
  }
#ifdef ANEAR_VNNI
  if (has_vnni()) values_ = vnni_values;
#endif
}

Codes::Codes(CodeForm form, std::int64_t points, const MadeCodes& made) : form_(std::move(form)) {
  measure();
  const auto fits = [](std::size_t size, std::int64_t wanted) { return static_cast<std::int64_t>(size) == wanted; };
  require(fits(made.rows.size(), points * row_bytes_) && fits(made.scalars.size(), points * scalars_) &&
              fits(made.low.size(), length_) && fits(made.step.size(), length_),
          "the codes are not of " + std::to_string(points) + " points of " + std::to_string(length_) + " numbers");
  const auto finite = [](float value) { return std::abs(value) < std::numeric_limits<float>::infinity(); };
  require(
      std::all_of(made.low.begin(), made.low.end(), finite) && std::all_of(made.step.begin(), made.step.end(), finite),
      "the numbers that codes stand for are not all finite");
  low_.assign(made.low.begin(), made.low.end());
  step_.assign(made.step.begin(), made.step.end());
  fill_parameters();
  memory_ = AlignedArray<std::byte>::over(made.rows.data(), made.rows.size());
  numbers_ = AlignedArray<float>::over(made.scalars.data(), made.scalars.size());
}

Codes::Codes(CodeForm form, const Rows& rows, int threads, Progress& progress) : form_(std::move(form)) {
  const KernelTable& table = form_.table->kernels();
  measure();
  std::vector<float> high(length_, -std::numeric_limits<float>::infinity());
  low_.assign(length_, std::numeric_limits<float>::infinity());
  std::mutex mutex;
  each_point(form_, rows, 0, threads, progress, [&](std::int64_t, std::int64_t count, const std::byte* blocks) {
    std::vector<float> least(length_, std::numeric_limits<float>::infinity()), most(length_, -least[0]);
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t at = 0;
      for (const CodeTerm& term : form_.terms) {
        const float* value = entry(table, blocks, i, term);
        for (std::int64_t j = 0; j < term.length; ++j, ++at) {
          const float v = value[j * table.block];
          least[at] = v < least[at] ? v : least[at];
          most[at] = v > most[at] ? v : most[at];
        }
      }
    }
    const std::lock_guard lock(mutex);
    for (std::int64_t j = 0; j < length_; ++j) {
      low_[j] = std::min(low_[j], least[j]);
      high[j] = std::max(high[j], most[j]);
    }
  });
  step_.resize(length_);
  for (std::int64_t j = 0; j < length_; ++j) {
    const float range = high[j] - low_[j];
    const bool usable = range > 0 && range < std::numeric_limits<float>::infinity();
    step_[j] = usable ? range / kLevels : 0;
    if (!(std::abs(low_[j]) < std::numeric_limits<float>::infinity())) low_[j] = 0;
  }
  fill_parameters();
  encode(rows, 0, memory_.ensure(rows.count * row_bytes_), numbers_.ensure(rows.count * scalars_), threads, progress);
}

void Codes::encode(const Rows& rows, std::int64_t first, std::byte* codes, float* scalars, int threads,
                   Progress& progress) const {
  const KernelTable& table = form_.table->kernels();
  each_point(form_, rows, first, threads, progress,
             [&](std::int64_t begin, std::int64_t count, const std::byte* blocks) {
               for (std::int64_t i = 0; i < count; ++i) {
                 std::byte* row = codes + (begin + i) * row_bytes_;
                 auto* code = reinterpret_cast<std::uint8_t*>(row);
                 float* scalar = scalars + (begin + i) * scalars_;
                 std::fill(code, code + row_bytes_, std::uint8_t{0});
                 std::int64_t at = 0;
                 for (const CodeTerm& term : form_.terms) {
                   const float* value = entry(table, blocks, i, term);
                   if (form_.kernel != nullptr) code = reinterpret_cast<std::uint8_t*>(row) + term.row_offset - at;
                   if (term.length == 0 && form_.kernel != nullptr)
                     std::memcpy(row + term.row_offset, value, sizeof(float));
                   if (term.length == 0 && form_.kernel == nullptr) *scalar++ = *value;
                   for (std::int64_t j = 0; j < term.length; ++j, ++at) {
                     const float level = step_[at] > 0 ? (value[j * table.block] - low_[at]) / step_[at] : 0;
                     code[at] = static_cast<std::uint8_t>(rounded(std::min(std::max(level, 0.0f), kLevels)));
                   }
                 }
               }
             });
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
  std::int64_t at = 0;
  for (const CodeTerm& term : form_.terms) {
    for (std::int64_t j = 0; j < term.length && form_.kernel != nullptr; ++j) {
      form_.kernel_parameters[term.low_at + j] = low_[at + j];
      form_.kernel_parameters[term.step_at + j] = step_[at + j];
    }
    at += term.length;
  }
}

void Codes::prepare(const PreparedQueries& queries, std::int64_t i, CodeQuery& query) const {
  query.raw = queries.query(i);
  if (form_.kernel != nullptr) return;
  const auto* slots = reinterpret_cast<const float*>(queries.query(i));
  const std::int64_t padded = (length_ + kRegister - 1) / kRegister * kRegister;
  std::int8_t* high = query.high.ensure(padded);
  std::int8_t* low = query.low.ensure(padded);
  query.scalars.clear();
  double base = 0;
  float largest = 0;
  std::int64_t at = 0;
  for (const CodeTerm& term : form_.terms) {
    if (term.length == 0) query.scalars.push_back(term.slot < 0 ? 1 : slots[term.slot]);
    for (std::int64_t j = 0; j < term.length; ++j, ++at) {
      const float weight = slots[term.slot + j];
      base += static_cast<double>(weight) * low_[at];
      largest = std::max(largest, std::abs(weight * step_[at]));
    }
  }
  query.base = static_cast<float>(base);
  const bool usable = largest > 0 && largest < std::numeric_limits<float>::infinity();
  query.scale = usable ? largest / kWeights : 0;
  const float inverse = usable ? kWeights / largest : 0;
  at = 0;
  for (const CodeTerm& term : form_.terms) {
    for (std::int64_t j = 0; j < term.length; ++j, ++at) {
      const float product = slots[term.slot + j] * step_[at] * inverse;
      const auto weight = static_cast<std::int32_t>(product == product ? rounded(product) : 0);  // NaN has no number
      const std::int32_t upper = (weight + 64) >> 7;
      high[at] = static_cast<std::int8_t>(upper);
      low[at] = static_cast<std::int8_t>(weight - 128 * upper);
    }
  }
  std::fill(high + length_, high + padded, std::int8_t{0});
  std::fill(low + length_, low + padded, std::int8_t{0});
}

}  // namespace anear
