#include "graph/neighbour_codes.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/features.h"
#include "base/intrinsics.h"
#include "base/parallel.h"
#include "storage/code_values.h"

namespace anear {
namespace {

constexpr std::int64_t kEight = 8;          // coordinates in a register of codes
constexpr std::int64_t kTask = 4096;        // nodes
constexpr std::int64_t kLongest = 1 << 16;  // coordinates whose products' sum is a whole number of 31 bits
constexpr std::int64_t kLine = 64;          // bytes of a register

// Codes 8 e ... 8 e + 7 of a row as they lie in a block: the first four are the lower halves of four bytes.
std::uint32_t eight_codes(const std::byte* row, std::int64_t e) {
  constexpr std::uint32_t kHalves = 0x0F0F0F0F;
  const CodePlace place = code_place(4, e * kEight);
  std::uint32_t words[2];
  std::memcpy(words, row + place.byte, sizeof(words));
  return ((words[0] >> place.shift) & kHalves) | (((words[1] >> place.shift) & kHalves) << 4);
}

}  // namespace

bool NeighbourCodes::serve(const Codes& codes) {
  return codes.form().kernel == nullptr && codes.form().bits == 4 && codes.scalars() == 1 &&
         codes.length() < kLongest && has_byte_products();
}

NeighbourCodes::NeighbourCodes(const Codes& codes, const Links& links, int threads, Progress& progress)
    : eights_((codes.length() + kEight - 1) / kEight),
      group_bytes_((eights_ + 1) * kLine),
      block_bytes_((links.degree() + kAtOnce - 1) / kAtOnce * group_bytes_),
      levels_(codes.scale().levels),
      memory_(links.nodes() * block_bytes_) {
  progress.start(links.nodes());
  parallel_for((links.nodes() + kTask - 1) / kTask, threads, progress, [&](std::int64_t task) {
    const std::int64_t first = task * kTask, last = std::min(first + kTask, links.nodes());
    for (std::int64_t node = first; node < last; ++node) fill(node, links.row(node), links, codes);
    progress.advance(last - first);
  });
}

void NeighbourCodes::fill(std::int64_t node, const std::int32_t* neighbours, const Links& links, const Codes& codes) {
  std::byte* block = memory_.data() + node * block_bytes_;
  std::memset(block, 0, block_bytes_);
  for (std::int64_t i = 0; i < block_bytes_ / group_bytes_ * kAtOnce; ++i) {
    std::byte* group = block + i / kAtOnce * group_bytes_;
    const bool there = i < links.degree() && links.leads(neighbours[i]);
    const float scalar = there ? *codes.scalars_of(neighbours[i]) : std::numeric_limits<float>::infinity();
    std::memcpy(group + eights_ * kLine + i % kAtOnce * sizeof(float), &scalar, sizeof(float));
    for (std::int64_t e = 0; there && e < eights_; ++e) {
      const std::uint32_t eight = eight_codes(codes.row(neighbours[i]), e);
      std::memcpy(group + e * kLine + i % kAtOnce * sizeof(eight), &eight, sizeof(eight));
    }
  }
}

#ifdef ANEAR_VNNI
ANEAR_VNNI inline __m512i four_weights(const std::int8_t* weights) {
  std::int32_t four;
  std::memcpy(&four, weights, sizeof(four));
  return _mm512_set1_epi32(four);
}

ANEAR_VNNI std::uint32_t NeighbourCodes::look(const CodeQuery& query, std::int32_t node, std::int64_t group,
                                              float limit, float* out) const {
  const std::byte* codes = block(node) + group * group_bytes_;
  const __m512i nibble = _mm512_set1_epi8(15);
  const __m512i levels = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(levels_.data())));
  __m512i sums[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (std::int64_t e = 0; e < eights_; ++e) {
    const __m512i code = _mm512_load_si512(codes + e * kLine);
    const __m512i lower = _mm512_shuffle_epi8(levels, _mm512_and_si512(code, nibble));
    const __m512i upper = _mm512_shuffle_epi8(levels, _mm512_and_si512(_mm512_srli_epi16(code, 4), nibble));
    __m512i* sum = sums + 2 * (e % 2);
    sum[0] = _mm512_dpbusd_epi32(sum[0], lower, four_weights(query.high.data() + e * kEight));
    sum[1] = _mm512_dpbusd_epi32(sum[1], upper, four_weights(query.high.data() + e * kEight + 4));
  }
  const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
  const __m512 values = _mm512_fmadd_ps(_mm512_set1_ps(query.scale), _mm512_cvtepi32_ps(sum),
                                        _mm512_load_ps(reinterpret_cast<const float*>(codes + eights_ * kLine)));
  _mm512_storeu_ps(out, values);
  return _mm512_cmp_ps_mask(values, _mm512_set1_ps(limit), _CMP_LT_OQ);
}
#else
std::uint32_t NeighbourCodes::look(const CodeQuery&, std::int32_t, std::int64_t, float, float*) const { return 0; }
#endif

}  // namespace anear
