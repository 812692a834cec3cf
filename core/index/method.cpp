#include "index/method.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/memory.h"

namespace anear {

void Building::check(const Rows& points) const {
  estimate.check("building");
  form.check(estimate.kernels(), points);
  if (code_form) code_form->check();
  require(estimate.kernels().point_columns == points.columns, "the building table expects other columns");
}

void MethodEntry::check_count(std::int64_t points) const {
  require(points <= most_points, [&] {
    return std::to_string(points) + " points are too many for this method; it takes " + std::to_string(most_points);
  });
}

void KnnAnswer::prefetch(const PointId* queries, std::int64_t count) const {
  // Of queries one behind the other the processor sees by itself what comes next.
  if (queries[count - 1] == queries[0] + static_cast<PointId>(count - 1)) return;
  constexpr std::uintptr_t kLine = 64, kMost = 8;  // bytes; lines of each array and query
  const auto ask = [&]<class T>(T* begin) {
    std::uintptr_t asked = 0;  // the last line: of few answers the next query's may lie in it
    for (std::int64_t i = 0; i < count; ++i) {
      const auto first = reinterpret_cast<std::uintptr_t>(begin + queries[i] * k);
      const auto last = std::min(first + static_cast<std::uintptr_t>(k) * sizeof(T) - 1, first + kMost * kLine);
      auto line = first / kLine * kLine;
      if (line == asked) line += kLine;
      for (; line <= last; line += kLine) prefetch_to_write(reinterpret_cast<const void*>(asked = line));
    }
  };
  ask(ids);
  distances64 ? ask(distances64) : ask(distances32);
}

void KnnAnswer::write_all(std::int64_t query, std::span<const Neighbor> found) const {
  const std::int64_t begin = query * k, here = static_cast<std::int64_t>(found.size());
  const auto put = [&]<class T>(T* distances) {
    for (std::int64_t j = 0; j < here; ++j) {
      ids[begin + j] = found[j].id;
      distances[begin + j] = static_cast<T>(found[j].distance);
    }
    for (std::int64_t j = here; j < k; ++j) {
      ids[begin + j] = -1;
      distances[begin + j] = std::numeric_limits<T>::infinity();
    }
  };
  distances64 ? put(distances64) : put(distances32);
}

RangeAnswer::RangeAnswer(std::vector<std::vector<Neighbor>> found) : offsets(found.size() + 1, 0) {
  for (std::size_t q = 0; q < found.size(); ++q) {
    for (const Neighbor& neighbor : found[q]) {
      ids.push_back(neighbor.id);
      distances.push_back(neighbor.distance);
    }
    offsets[q + 1] = static_cast<std::int64_t>(ids.size());
    std::vector<Neighbor>().swap(found[q]);
  }
}

std::vector<std::int64_t> ListAnswer::offsets(std::int64_t queries) const {
  std::vector<std::int64_t> offsets(queries + 1);
  for (const Part& part : parts) {
    std::int64_t before = 0;
    for (std::size_t i = 0; i < part.ends.size(); ++i) {
      offsets[part.queries[i] + 1] = part.ends[i] - before;
      before = part.ends[i];
    }
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  return offsets;
}

void ListAnswer::write(const std::vector<std::int64_t>& offsets, std::int64_t* ids, double* distances) const {
  for (const Part& part : parts) {
    std::int64_t before = 0;
    for (std::size_t i = 0; i < part.ends.size(); ++i) {
      const std::int64_t to = offsets[part.queries[i]];
      std::copy(part.ids.begin() + before, part.ids.begin() + part.ends[i], ids + to);
      if (distances) std::copy_n(part.distances.begin() + before, part.ends[i] - before, distances + to);
      before = part.ends[i];
    }
  }
}

std::int64_t JoinAnswer::pairs() const {
  std::size_t size = 0;
  for (const Part& part : parts) size += part.ids.size();
  return static_cast<std::int64_t>(size / 2);
}

void JoinAnswer::write(std::int64_t* ids, double* distances) const {
  for (const Part& part : parts) {
    ids = std::copy(part.ids.begin(), part.ids.end(), ids);
    distances = std::copy(part.distances.begin(), part.distances.end(), distances);
  }
}

void Method::add(const Change&, Gate&, Progress&) { throw ArgumentError("this method's points are fixed"); }

void Method::remove(const std::vector<PointId>&, const Change&, Gate&, Progress&) {
  throw ArgumentError("this method's points are fixed");
}

namespace {

constexpr std::int64_t kPairs = 1 << 22, kQueries = 16;  // held at a time, or those of so many queries

// Answers some of the queries at a time, which the first of the shared radii is for: use(first query, its answer).
template <class Use>
void range_in_parts(const Method& method, const SearchRequest& request, double rank, double radius, Progress& progress,
                    const Use& use) {
  const std::int64_t together = std::max(kPairs / method.points(), kQueries);
  for (std::int64_t first = 0; first < request.queries.count; first += together) {
    SearchRequest part = request;
    part.queries.data += first * request.queries.row_bytes();
    part.queries.count = std::min(together, request.queries.count - first);
    const std::vector<double> ranks(part.queries.count, rank), radii(part.queries.count, radius);
    use(first, method.range(part, {ranks.data(), radii.data()}, progress));
  }
}

}  // namespace

ListAnswer Method::list(const SearchRequest& request, const RangeRequest& radii, bool distances,
                        Progress& progress) const {
  RangeAnswer found = range(request, radii, progress);
  ListAnswer::Part all;
  all.ids.assign(found.ids.begin(), found.ids.end());
  for (std::int64_t q = 0; q < request.queries.count; ++q) {
    all.queries.push_back(static_cast<PointId>(q));
    all.ends.push_back(found.offsets[q + 1]);
    if (!distances) std::sort(all.ids.begin() + found.offsets[q], all.ids.begin() + found.offsets[q + 1]);
  }
  if (distances) all.distances = std::move(found.distances);
  ListAnswer answer;
  answer.parts.push_back(std::move(all));
  return answer;
}

JoinAnswer Method::join(const SearchRequest& request, const RangeRequest& radii, bool distances,
                        Progress& progress) const {
  JoinAnswer answer;
  const auto keep = [&](std::int64_t first, const RangeAnswer& found) {
    JoinAnswer::Part& part = answer.parts.emplace_back();
    for (std::size_t q = 0; q + 1 < found.offsets.size(); ++q) {
      const auto own = static_cast<PointId>(first + static_cast<std::int64_t>(q));
      if (alive() != nullptr && !(*alive())[own]) continue;
      for (std::int64_t i = found.offsets[q]; i < found.offsets[q + 1]; ++i) {
        if (found.ids[i] <= own) continue;
        part.ids.insert(part.ids.end(), {own, static_cast<PointId>(found.ids[i])});
        if (distances) part.distances.push_back(found.distances[i]);
      }
    }
  };
  range_in_parts(*this, request, radii.radius_rank[0], radii.radius[0], progress, keep);
  return answer;
}

std::vector<std::int64_t> Method::count(const SearchRequest& request, const RangeRequest& radii,
                                        Progress& progress) const {
  const RangeAnswer found = range(request, radii, progress);
  std::vector<std::int64_t> counts(request.queries.count);
  for (std::size_t q = 0; q < counts.size(); ++q) counts[q] = found.offsets[q + 1] - found.offsets[q];
  return counts;
}

std::vector<std::int64_t> Method::pairs(const SearchRequest& request, const RangeRequest& radii,
                                        Progress& progress) const {
  std::vector<std::int64_t> sums(radii.shared);
  if (sums.empty()) return sums;
  const double* const end = radii.radius + radii.shared;
  const auto add = [&](std::int64_t, const RangeAnswer& found) {
    for (const double distance : found.distances) ++sums[std::lower_bound(radii.radius, end, distance) - radii.radius];
  };
  range_in_parts(*this, request, radii.radius_rank[radii.shared - 1], end[-1], progress, add);
  std::partial_sum(sums.begin(), sums.end(), sums.begin());
  return sums;
}

std::vector<double> Method::sums(const SearchRequest&, const SumRequest&, Progress&) const {
  throw ArgumentError("sums are for trees that search in float64");
}

namespace {

void check_bound(const Estimate& bound, const KernelTable& search) {
  bound.check("bound");
  const KernelTable& table = bound.kernels();
  const auto descends = [](const KernelTable& one) { return one.look != nullptr && one.descend != nullptr; };
  require(std::has_single_bit(static_cast<std::uint32_t>(table.block)), "blocks must have 2^n lanes");
  require(descends(table), "the bound table lacks 'look' or 'descend'");
  require(descends(search), "the search table lacks 'look' or 'descend'");
  require(table.block == search.block && table.arithmetic_bytes == search.arithmetic_bytes &&
              table.query_columns == search.query_columns,
          "the bound table and the search table do not fit each other");
}

}  // namespace

void Boxes::check(const Rows& points, const KernelTable& search) const {
  check_bound(bound, search);
  if (upper) {
    check_bound(*upper, search);
    require(upper->kernels().point_columns == bound.kernels().point_columns,
            "the tables of the lower and the upper bound take different boxes");
  }
  require(low.storage != Storage::float64 || bound.kernels().arithmetic_bytes == 8,
          "low is of type float64; the bound is computed in float32");
  require(low.storage == high.storage && low.columns == high.columns, "low and high must be of one type and shape");
  require(low.count == points.count && high.count == points.count && split.count == points.count,
          "low, high and split must have a row for each point");
  require(split.columns >= 1, "split has no columns");
  require(0 <= extras && extras < low.columns && 2 * low.columns == bound.kernels().point_columns,
          "low has " + std::to_string(low.columns) + " columns for boxes of " +
              std::to_string(bound.kernels().point_columns));
}

void Balls::check(const Rows& points, const KernelTable& search) const {
  check_bound(bound, search);
  require(bound.kernels().point_columns == points.columns + 1, "rows have " + std::to_string(points.columns) +
                                                                   " columns for balls of " +
                                                                   std::to_string(bound.kernels().point_columns));
  reach->check();
  const KernelTable& table = reach->kernels();
  require(table.gather != nullptr && table.prepare_query != nullptr && table.arithmetic_bytes == 8,
          "the reach table lacks 'gather' or 'prepare_query', or does not compute in float64");
  require(table.point_columns == points.columns && table.query_columns == points.columns,
          "rows have " + std::to_string(points.columns) + " columns, the reach table expects " +
              std::to_string(table.point_columns));
}

}  // namespace anear
