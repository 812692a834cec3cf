#include "graph/point_queries.h"

#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "base/spares.h"

namespace anear {
namespace {

constexpr std::int64_t kTaskQueries = 1024;

}  // namespace

PointQueries::PointQueries(const Estimate& estimate, const RowForm& form)
    : estimate_(&estimate),
      objects_(form.objects),
      bytes_(estimate.kernels().query_slots * estimate.kernels().arithmetic_bytes),
      slot_(estimate.offset_slot) {
  if (form.raw_queries) data_ = objects_.data;
}

PointQueries::PointQueries(const Estimate& estimate, const RowForm& form, int threads, Progress& progress)
    : PointQueries(estimate, form) {
  if (data_ != nullptr) return;
  std::byte* const out = memory_.ensure(objects_.count * bytes_);
  Spares<PreparedQueries> spares;
  progress.start(objects_.count);
  parallel_for((objects_.count + kTaskQueries - 1) / kTaskQueries, threads, progress, [&](std::int64_t task) {
    auto scratch = spares.take();
    const std::int64_t first = task * kTaskQueries, count = std::min(kTaskQueries, objects_.count - first);
    scratch->prepare(estimate_->kernels(), estimate_->parameters.data(), objects_, first, count, count);
    std::memcpy(out + first * bytes_, scratch->query(0), count * bytes_);
    spares.give(std::move(scratch));
    progress.advance(count);
  });
  data_ = out;
}

}  // namespace anear
