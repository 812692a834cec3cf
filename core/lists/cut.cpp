#include "lists/cut.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/chance.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "lists/centres.h"

namespace anear {
namespace {

constexpr int kRounds = 8;
constexpr std::int64_t kSampled = 64;    // points a list that centres are found from
constexpr std::int64_t kTaskLists = 16;  // whose means a task takes

// The members of each list, one list behind the other.
void sort_by_list(const std::vector<std::int32_t>& list_of, std::int64_t lists, std::vector<PointId>& order,
                  std::vector<std::int32_t>& starts) {
  starts.assign(lists + 1, 0);
  for (const std::int32_t list : list_of) ++starts[list + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::int32_t> next(starts.begin(), starts.end() - 1);
  order.resize(list_of.size());
  for (std::size_t i = 0; i < list_of.size(); ++i) order[next[list_of[i]]++] = static_cast<PointId>(i);
}

bool whole(Storage storage) { return storage == Storage::int8 || storage == Storage::uint8; }

// The mean of rows. Where numbers are stored whole, so is the mean: a kernel may take them for that.
template <class T>
void take_mean(const Rows& rows, const PointId* ids, std::int64_t count, double* out) {
  std::fill(out, out + rows.columns, 0.0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto* row = reinterpret_cast<const T*>(rows.row(ids[i]));
    for (std::int64_t j = 0; j < rows.columns; ++j) out[j] += widened(row[j]);
  }
  for (std::int64_t j = 0; j < rows.columns; ++j) {
    out[j] /= static_cast<double>(count);
    if (whole(rows.storage)) out[j] = std::nearbyint(out[j]);
  }
}

void take_means(const Rows& rows, const std::vector<PointId>& order, const std::vector<std::int32_t>& starts,
                int threads, Progress& progress, std::vector<double>& centres) {
  const auto lists = static_cast<std::int64_t>(starts.size()) - 1;
  parallel_for((lists + kTaskLists - 1) / kTaskLists, threads, progress, [&](std::int64_t task) {
    for (std::int64_t l = task * kTaskLists; l < std::min((task + 1) * kTaskLists, lists); ++l) {
      const std::int64_t count = starts[l + 1] - starts[l];
      with_storage_type(rows.storage, [&]<class T>(const T*) {
        if (count > 0) take_mean<T>(rows, order.data() + starts[l], count, centres.data() + l * rows.columns);
      });
    }
    progress.poll();
  });
}

// Rows brought together; nothing is copied where all of them are meant, in order.
class Chosen {
 public:
  Chosen(const Rows& rows, const std::vector<std::int32_t>& ids) : rows_(rows) {
    if (static_cast<std::int64_t>(ids.size()) == rows.count) return;
    const std::int64_t bytes = rows.row_bytes();
    std::byte* out = memory_.ensure(ids.size() * bytes);
    for (std::size_t i = 0; i < ids.size(); ++i) std::memcpy(out + i * bytes, rows.row(ids[i]), bytes);
    rows_.data = out;
    rows_.count = static_cast<std::int64_t>(ids.size());
  }
  const Rows& rows() const { return rows_; }

 private:
  AlignedArray<std::byte> memory_;
  Rows rows_;
};

}  // namespace

Cut cut_into_lists(const Rows& points, const Rows& objects, const Estimate& estimate, std::int64_t lists,
                   std::uint64_t seed, int threads, Progress& progress) {
  std::vector<std::int32_t> ids = shuffled(points.count, seed);
  ids.resize(std::min(points.count, kSampled * lists));
  std::sort(ids.begin(), ids.end());
  const Chosen sample(points, ids), asked(objects, ids);
  const std::int64_t sampled = sample.rows().count;
  Cut cut;
  cut.centres.resize(lists * points.columns);
  std::vector<std::int32_t> list_of(sampled);
  // Begins with lists of one point each; an empty one begins again with another.
  const std::vector<std::int32_t> begin = shuffled(sampled, seed + 1);
  std::int64_t fresh = 0;
  const auto start_anew = [&](std::int64_t list) {
    const std::vector<PointId> order{static_cast<PointId>(begin[fresh++ % sampled])};
    with_storage_type(points.storage, [&]<class T>(const T*) {
      take_mean<T>(sample.rows(), order.data(), 1, cut.centres.data() + list * points.columns);
    });
  };
  for (std::int64_t list = 0; list < lists; ++list) start_anew(list);
  progress.start(kRounds * sampled + points.count);
  for (int round = 0; round < kRounds; ++round) {
    Centres(estimate, cut.centre_rows()).assign(estimate, asked.rows(), threads, progress, list_of);
    sort_by_list(list_of, lists, cut.order, cut.starts);
    take_means(sample.rows(), cut.order, cut.starts, threads, progress, cut.centres);
    for (std::int64_t list = 0; list < lists; ++list) {
      if (cut.size(list) == 0) start_anew(list);
    }
  }
  list_of.resize(points.count);
  Centres(estimate, cut.centre_rows()).assign(estimate, objects, threads, progress, list_of);
  sort_by_list(list_of, lists, cut.order, cut.starts);
  return cut;
}

Cut cut_with(const Cut& cut, const std::vector<std::int32_t>& newcomers) {
  std::vector<std::int32_t> list_of(cut.order.size());
  for (std::int64_t list = 0; list < cut.lists(); ++list) {
    for (std::int32_t at = cut.starts[list]; at < cut.starts[list + 1]; ++at)
      list_of[cut.order[at]] = static_cast<std::int32_t>(list);
  }
  for (std::size_t i = 0; i < cut.added.size(); ++i) list_of[cut.order[cut.starts.back() + i]] = cut.added[i];
  list_of.insert(list_of.end(), newcomers.begin(), newcomers.end());
  Cut whole;
  whole.centres = cut.centres;
  sort_by_list(list_of, cut.lists(), whole.order, whole.starts);
  return whole;
}

}  // namespace anear
