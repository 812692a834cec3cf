#include "lists/list_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "lists/stored_lists.h"
#include "result/exact.h"
#include "result/neighbor.h"
#include "result/select.h"

namespace anear {
namespace {

constexpr std::int64_t kTogether = 64;  // queries that scan a list one after the other, while it is in the cache
constexpr std::int64_t kTasks = 4;      // a thread gets at least, where there are queries enough
constexpr std::int64_t kBlocksAtOnce = 64;
constexpr std::int64_t kFirst = 8;         // so many of the nearest lists come first: what they hold lowers the limit
constexpr std::int64_t kExact = 8;         // a comparison in full costs so many of a scan's
constexpr std::int64_t kRerankStep = 16;   // lists, for each of which one point more is compared in full
constexpr double kRoot = 3, kFewest = 32;  // lists by default: so many times the root of the points, of so many points

// The smallest values met, and some more for a while.
template <class Real>
class Smallest {
 public:
  void reset(std::size_t most) {
    most_ = most;
    size_ = 0;
    limit_ = std::numeric_limits<Real>::infinity();
    reserve(room());
  }
  // Only values that are NOT >= this are worth adding; it lies above the largest that is kept, so that of equal values
  // the smallest ids stay, whatever comes first.
  Real limit() const { return limit_; }
  std::size_t size() const { return size_; }
  const Candidate<Real>& operator[](std::size_t i) const { return met_[i]; }

  // Adds ids[i] with values[i] for every bit i of the mask, which is not 0. Returns those whose value is no number.
  std::uint64_t add(const Real* values, const PointId* ids, std::uint64_t mask) {
    reserve(size_ + kLanes);
    std::uint64_t unordered = 0;
    do {  // no branch but the loop's: which lanes pass is hard to predict
      const int lane = std::countr_zero(mask);
      mask &= mask - 1;
      const bool ordered = values[lane] == values[lane], padding = ids[lane] == kNobody;
      met_[size_] = {values[lane], ids[lane]};
      size_ += ordered && !padding ? 1 : 0;
      unordered |= static_cast<std::uint64_t>(!ordered && !padding) << lane;
    } while (mask != 0);
    return unordered;
  }
  // Lowers the limit once that is worth the time.
  void tighten() {
    if (size_ >= room()) shrink();
  }
  void shrink() {
    if (size_ <= most_) return;
    select_smallest(met_.data(), size_, most_);
    size_ = most_;
    limit_ = std::nextafter(met_[most_ - 1].value(), std::numeric_limits<Real>::infinity());
  }

 private:
  static constexpr std::size_t kLanes = 64;
  std::size_t room() const { return 2 * most_ + 32; }
  void reserve(std::size_t size) {
    if (met_.size() < size) met_.resize(2 * size);
  }

  std::size_t most_ = 0, size_ = 0;
  Real limit_ = 0;
  std::vector<Candidate<Real>> met_;
};

// The lanes whose points are admitted.
std::uint64_t passing_ids(const Admission& admission, const PointId* ids, std::uint64_t mask) {
  std::uint64_t passing = 0;
  for (; mask != 0; mask &= mask - 1) {
    const int lane = std::countr_zero(mask);
    passing |= std::uint64_t{ids[lane] != kNobody && admission.admits(ids[lane])} << lane;
  }
  return passing;
}

std::int64_t number_of_lists(std::int64_t wanted, std::int64_t points) {
  if (wanted > 0) return std::min(wanted, points);
  const auto count = static_cast<double>(points);
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::min(kRoot * std::sqrt(count), count / kFewest)));
}

}  // namespace

// What a query knows of the lists, and what it has met in them.
template <class Real>
struct ListQuery {
  FrameQuery turned;
  PackedQuery code, centre_code;
  AlignedArray<Real> bases;             // the values of the lists' centres
  std::vector<Candidate<float>> lists;  // value and number of each
  Smallest<Real> met;
  std::vector<PointId> undecided;
};

// Scratch of one task.
template <class Real>
struct ListTask {
  PreparedQueries queries, exact;  // of the search table, or of the codes'
  std::vector<ListQuery<Real>> asked;
  AlignedArray<Real> values;  // of points
  std::vector<std::uint16_t> masks;
  std::vector<std::int32_t> visits, visitors;  // where each list's visitors begin, and all of them
  std::vector<PointId> listed, ids;
  std::vector<double> distances;
  std::vector<Neighbor> found;
  std::int64_t scanned = 0, exactly = 0;
};

const std::vector<Parameter>& list_search_parameters() {
  static const std::vector<Parameter> parameters{
      {"ef", "int", 0, 0x1p31, 0, "lists that are scanned: the more, the more of the nearest are found; 0: probes"},
      {"rerank", "int", 0, 0x1p31, 0,
       "how many of the nearest that the scan found are compared in full; 0: twice k, and one more for 16 lists"}};
  return parameters;
}

ListSearch::ListSearch(BuildRequest request, const ListOptions& options, Progress& progress)
    : rows_(request.rows),
      space_(std::move(request.space)),
      alive_(rows_.count),
      built_(rows_.count),
      probes_(options.probes) {
  space_.check(rows_.columns);
  require(request.row_form.has_value(), "lists need the points as queries");
  require(space_.search().look != nullptr, "the search table lacks 'look'");
  const Rows& objects = request.row_form->objects;
  require(objects.count == rows_.count && objects.columns == space_.search().query_columns,
          "objects must have a row for each point, with the columns of a query");
  if (request.stored) {
    cut_ = stored_cut(*request.stored, rows_);
    built_ = stored_number(*request.stored, "built", rows_.count);
    alive_ = stored_alive(*request.stored, rows_.count);
  } else {
    const std::int64_t lists = number_of_lists(options.lists, rows_.count);
    cut_ = cut_into_lists(rows_, objects, space_.filter, lists, options.seed, request.threads, progress);
  }
  if (request.code_form) {
    encode(request, options.bits, progress);
  } else {
    places_ = ListPlaces(cut_, space_.search().block);
    listed_ = ListedPoints(space_.filter, rows_, places_.ids(), request.threads, progress);
    centres_ = Centres(space_.filter, cut_.centre_rows());
  }
  if (!alive_.all()) places_.forget_dead(alive_);
}

void ListSearch::encode(BuildRequest& request, int bits, Progress& progress) {
  request.code_form->check();
  require(request.code_form->kernel == nullptr && space_.search().arithmetic_bytes == 4,
          "codes of lists are for inner products in float32");
  require(bits == 4 || bits == 8, "codes of lists have four or eight bits");
  places_ = ListPlaces(cut_, kCodeLanes);
  const auto made = request.stored ? stored_frame(*request.stored) : std::nullopt;
  if (made) {
    frame_.emplace(std::move(*request.code_form), made->middle, made->stretch);
  } else {
    frame_.emplace(std::move(*request.code_form), rows_, request.row_form->objects);
  }
  centre_codes_ = PackedCodes(*frame_, 8, cut_.centre_rows(), numbered(cut_.lists(), kCodeLanes), {}, 1, progress);
  if (made) {
    codes_ = PackedCodes(*frame_, bits, places_.blocks(), made->codes);
    reach_ = made->reach;
  } else {
    const std::vector<std::int32_t> lists = places_.lists();
    codes_ = PackedCodes(*frame_, bits, rows_, places_.ids(), {&centre_codes_, lists}, request.threads, progress);
  }
}

std::int64_t ListSearch::bytes() const {
  return static_cast<std::int64_t>(cut_.centres.size() * sizeof(double) +
                                   (cut_.order.size() + cut_.starts.size() + places_.ids().size()) * 4) +
         alive_.bytes() + codes_.bytes() + centre_codes_.bytes() + listed_.bytes() + centres_.bytes();
}

const std::vector<double>& ListSearch::maxima() const {
  static const std::vector<double> none;
  return none;
}

std::vector<Part> ListSearch::parts() const {
  std::vector<Part> parts = cut_parts(cut_);
  if (frame_) {
    for (Part& part : frame_parts(*frame_, codes_)) parts.push_back(std::move(part));
    if (reach_ > 0) parts.push_back({"code_reach", PartType::float32, 1, 0, &reach_});
  }
  if (built_ < rows_.count) parts.push_back({"built", PartType::int64, 1, 0, &built_});
  add_part(alive_, parts);
  return parts;
}

ListSearch::Effort ListSearch::effort(const SearchRequest& request, std::size_t k) const {
  const auto asked = static_cast<std::int64_t>(request.parameters[0]);
  const auto wanted = static_cast<std::size_t>(request.parameters[1]);
  Effort effort{std::min(asked > 0 ? asked : probes_, cut_.lists()), 0, asked >= alive_.count()};
  const auto more = static_cast<std::size_t>(effort.probes / kRerankStep);
  effort.rerank = std::max(wanted > 0 ? wanted : 2 * k + more, k);
  if (request.allow == nullptr) return effort;
  const std::int64_t admitted = Admission{rows_.count, request.allow, kNobody}.admitted();
  const double share = static_cast<double>(admitted) / static_cast<double>(rows_.count);
  const auto scanned = rows_.count / cut_.lists() * effort.probes;
  effort.scans |= admitted <= static_cast<std::int64_t>(effort.rerank) || admitted * kExact <= scanned;
  // The nearest that are admitted lie farther away, in more lists.
  effort.probes = std::min(
      cut_.lists(), static_cast<std::int64_t>(static_cast<double>(effort.probes) / std::sqrt(std::max(share, 1e-6))));
  return effort;
}

template <class Real, class Search>
void ListSearch::run(const SearchRequest& request, Progress& progress, const Search& search) const {
  const std::int64_t queries = request.queries.count;
  const KernelTable& table = frame_ ? frame_->form().table->kernels() : space_.search();
  const double* parameters = frame_ ? frame_->form().parameters.data() : space_.filter.parameters.data();
  progress.start(queries);
  const auto work = [&](std::int64_t first, std::int64_t count, ListTask<Real>& task) {
    task.listed.clear();
    task.queries.prepare(table, parameters, request.queries, first, count, count);
    task.exact.prepare(space_.exact(), space_.exact_parameters.data(), request.queries, first, count, count);
    if (static_cast<std::int64_t>(task.asked.size()) < count) task.asked.resize(count);
    search(first, count, task);
    progress.count({task.scanned, task.exactly});
    task.scanned = task.exactly = 0;
    progress.advance(count);
  };
  if (queries == 1) {
    static thread_local std::unique_ptr<ListTask<Real>> kept;
    auto task = kept ? std::move(kept) : std::make_unique<ListTask<Real>>();
    work(0, 1, *task);
    kept = std::move(task);
    return;
  }
  Spares<ListTask<Real>> spares;
  const std::int64_t each = std::clamp<std::int64_t>(queries / (kTasks * request.threads), 1, kTogether);
  parallel_for((queries + each - 1) / each, request.threads, progress, [&](std::int64_t number) {
    auto task = spares.take();
    const std::int64_t first = number * each;
    work(first, std::min(each, queries - first), *task);
    spares.give(std::move(task));
  });
}

void ListSearch::knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const {
  const auto k = static_cast<std::size_t>(std::min(answer.k, rows_.count));
  const Effort how = effort(request, k);
  const auto admission = [&](std::int64_t query) {
    return Admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : kNobody};
  };
  const auto search = [&](std::int64_t first, std::int64_t count, auto& task) {
    if (!how.scans) probe(how, first, count, admission, progress, task);
    for (std::int64_t i = 0; i < count; ++i) {
      if (how.scans) {
        task.ids = admitted(request.allow, task.listed);
        std::erase(task.ids, admission(first + i).excluded);
      } else {
        gather(how, i, admission(first + i), task);
      }
      compare(i, task);
      std::sort(task.found.begin(), task.found.end());
      if (task.found.size() > k) task.found.resize(k, Neighbor{});
      answer.write(first + i, task.found);
      progress.poll();
    }
  };
  if (space_.search().arithmetic_bytes == 4) {
    run<float>(request, progress, search);
  } else {
    run<double>(request, progress, search);
  }
}

RangeAnswer ListSearch::range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const {
  std::vector<std::vector<Neighbor>> found(request.queries.count);
  if (request.queries.count == 0) return RangeAnswer(std::move(found));
  const std::int64_t probes = effort(request, 1).probes;
  const auto search = [&](std::int64_t first, std::int64_t count, auto& task) {
    for (std::int64_t i = 0, query = first; i < count; ++i, ++query) {
      const Admission admission{rows_.count, request.allow, request.exclude ? request.exclude[query] : kNobody};
      within(probes, radii.radius[query], i, admission, task);
      std::sort(task.found.begin(), task.found.end());
      found[query] = task.found;
      progress.poll();
    }
  };
  if (space_.search().arithmetic_bytes == 4) {
    run<float>(request, progress, search);
  } else {
    run<double>(request, progress, search);
  }
  return RangeAnswer(std::move(found));
}

const std::vector<PointId>& ListSearch::admitted(const std::uint8_t* allowed, std::vector<PointId>& listed) const {
  if (listed.empty()) {
    Admission{rows_.count, allowed, kNobody}.list(listed);
    if (!alive_.all()) std::erase_if(listed, [&](PointId id) { return !alive_[id]; });
  }
  return listed;
}

// All lists in some order, the `nearest` nearest to the i-th query of the task before all others.
template <class Real>
void ListSearch::rank_lists(std::int64_t i, std::int64_t nearest, ListTask<Real>& task) const {
  ListQuery<Real>& asked = task.asked[i];
  const std::int64_t lists = cut_.lists();
  Real* values = nullptr;
  if constexpr (sizeof(Real) == sizeof(float)) {
    if (frame_) {
      const std::int64_t blocks = (lists + kCodeLanes - 1) / kCodeLanes;
      frame_->prepare(task.queries, i, asked.turned);
      codes_.prepare(asked.turned, asked.code);
      centre_codes_.prepare(asked.turned, asked.centre_code);
      task.values.ensure(kBlocksAtOnce * kCodeLanes);
      values = asked.bases.ensure(blocks * kCodeLanes);
      task.masks.resize(std::max(blocks, kBlocksAtOnce));
      const CodePiece all{0, blocks, 0, static_cast<float>(asked.turned.base), 0};
      centre_codes_.scan(asked.turned, asked.centre_code, all, values, task.masks.data());
    }
  }
  if (!frame_) {
    const KernelTable& table = space_.search();
    const std::int64_t blocks = (lists + table.block - 1) / table.block;
    const Real all = std::numeric_limits<Real>::quiet_NaN();
    task.values.ensure(table.block);
    values = asked.bases.ensure(blocks * table.block);
    for (std::int64_t b = 0; b < blocks; ++b) {
      table.look(task.queries.query(i), centres_.block(b), space_.filter.parameters.data(), &all,
                 values + b * table.block);
    }
  }
  asked.lists.resize(lists);
  for (std::int64_t list = 0; list < lists; ++list) {
    // What is no number comes last.
    asked.lists[list] = {std::min(std::numeric_limits<float>::infinity(), static_cast<float>(values[list])),
                         static_cast<PointId>(list)};
  }
  if (nearest < lists) select_smallest(asked.lists.data(), lists, nearest);
  if (kFirst < nearest) select_smallest(asked.lists.data(), nearest, kFirst);
}

template <class Real>
void ListSearch::scan_list(std::int64_t list, std::int64_t next, std::int64_t i, const Admission& admission,
                           ListTask<Real>& task) const {
  ListQuery<Real>& asked = task.asked[i];
  const std::int64_t lanes = places_.lanes();
  const bool filtered = admission.allowed != nullptr || admission.excluded != kNobody;
  const auto collect = [&](const Real* values, std::uint64_t mask, std::int64_t block) {
    const PointId* ids = places_.ids().data() + block * lanes;
    if (filtered) mask = passing_ids(admission, ids, mask);
    if (mask == 0) return;
    // Only the formula itself knows what is no number here.
    for (mask = asked.met.add(values, ids, mask); mask != 0; mask &= mask - 1)
      asked.undecided.push_back(ids[std::countr_zero(mask)]);
  };
  task.scanned += places_.size(list);
  if constexpr (sizeof(Real) == sizeof(float)) {
    const float base = frame_ ? asked.bases[list] - centre_codes_.scalar_part(asked.turned, list) : 0;
    const auto scan = [&](std::int64_t first, std::int64_t count) {
      for (std::int64_t b = first; b < first + count; b += kBlocksAtOnce) {
        const std::int64_t now = std::min(kBlocksAtOnce, first + count - b);
        codes_.scan(asked.turned, asked.code, {b, now, places_.first(next), base, asked.met.limit()},
                    task.values.data(), task.masks.data());
        for (std::int64_t j = 0; j < now; ++j) {
          if (task.masks[j] != 0) collect(task.values.data() + j * lanes, task.masks[j], b + j);
        }
        asked.met.tighten();
      }
    };
    if (frame_) return places_.runs(list, scan);
  }
  const KernelTable& table = space_.search();
  places_.runs(list, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t b = first; b < first + count; ++b) {
      const Real limit = asked.met.limit();
      const std::int64_t mask = table.look(task.queries.query(i), listed_.block(b), space_.filter.parameters.data(),
                                           &limit, task.values.data());
      collect(task.values.data(), static_cast<std::uint64_t>(mask), b);
      asked.met.tighten();
    }
  });
}

// The task's queries scan the lists nearest to each: the very nearest first, which lowers the limit, and the others one
// list after the other.
template <class Real, class Admits>
void ListSearch::probe(const Effort& effort, std::int64_t first, std::int64_t count, const Admits& admission,
                       Progress& progress, ListTask<Real>& task) const {
  const std::int64_t near = count == 1 ? effort.probes : std::min(kFirst, effort.probes);
  if (near < effort.probes)
    task.visits.assign(cut_.lists() + 2, 0);  // of list l at l + 2 for now, and where they go at l + 1
  for (std::int64_t i = 0; i < count; ++i) {
    rank_lists(i, effort.probes, task);
    ListQuery<Real>& asked = task.asked[i];
    asked.met.reset(effort.rerank);
    asked.undecided.clear();
    for (std::int64_t n = 0; n < near; ++n) {
      const std::int64_t next = std::min(n + 1, effort.probes - 1);
      scan_list(asked.lists[n].id(), asked.lists[next].id(), i, admission(first + i), task);
    }
    for (std::int64_t n = near; n < effort.probes; ++n) ++task.visits[asked.lists[n].id() + 2];
    progress.poll();
  }
  if (near == effort.probes) return;
  std::partial_sum(task.visits.begin(), task.visits.end(), task.visits.begin());
  task.visitors.resize(task.visits.back());
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t n = near; n < effort.probes; ++n)
      task.visitors[task.visits[task.asked[i].lists[n].id() + 1]++] = static_cast<std::int32_t>(i);
  }
  for (std::int64_t list = 0; list < cut_.lists(); ++list) {
    const std::int64_t next = std::min(list + 1, cut_.lists() - 1);
    progress.poll();
    for (std::int32_t v = task.visits[list]; v < task.visits[list + 1]; ++v)
      scan_list(list, next, task.visitors[v], admission(first + task.visitors[v]), task);
  }
}

// What the i-th query of the task is to be compared with in full: the best it met, in more lists where it met too few.
template <class Real>
void ListSearch::gather(const Effort& effort, std::int64_t i, const Admission& admission, ListTask<Real>& task) const {
  ListQuery<Real>& asked = task.asked[i];
  const auto lists = static_cast<std::int64_t>(asked.lists.size());
  for (std::int64_t n = effort.probes; n < lists; ++n) {
    if (asked.met.size() + asked.undecided.size() >= effort.rerank) break;
    if (n == effort.probes) std::sort(asked.lists.begin() + n, asked.lists.end());
    scan_list(asked.lists[n].id(), asked.lists[std::min(n + 1, lists - 1)].id(), i, admission, task);
  }
  asked.met.shrink();
  task.ids = asked.undecided;
  for (std::size_t j = 0; j < asked.met.size(); ++j) task.ids.push_back(asked.met[j].id());
}

// The full distances of the task's ids.
template <class Real>
void ListSearch::compare(std::int64_t i, ListTask<Real>& task) const {
  task.found.clear();
  ExactQuery exact(space_.exact(), space_.exact_parameters.data(), rows_, task.exact.query(i));
  exact.append(task.ids, task.distances, task.found);
  task.exactly += exact.computed();
}

// The points of the nearest lists within the radius; it goes on for as long as of the last so many lists one held any.
template <class Real>
void ListSearch::within(std::int64_t probes, double radius, std::int64_t i, const Admission& admission,
                        ListTask<Real>& task) const {
  rank_lists(i, cut_.lists(), task);
  std::vector<Candidate<float>>& ranked = task.asked[i].lists;
  std::sort(ranked.begin(), ranked.end());
  std::vector<Neighbor> all;
  const auto lists = static_cast<std::int64_t>(ranked.size());
  for (std::int64_t n = 0, until = probes; n < std::min(until, lists); ++n) {
    const std::int64_t list = ranked[n].id();
    task.ids.clear();
    places_.runs(list, [&](std::int64_t first, std::int64_t count) {
      for (const PointId id : places_.ids().subspan(first * places_.lanes(), count * places_.lanes())) {
        if (id != kNobody && admission.admits(id)) task.ids.push_back(id);
      }
    });
    compare(i, task);
    const std::size_t before = all.size();
    for (const Neighbor& one : task.found) {
      if (one.distance <= radius) all.push_back(one);
    }
    if (all.size() > before) until = n + 1 + probes;
  }
  task.found = std::move(all);
}

}  // namespace anear
