#include "index/pairwise.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "base/memory.h"
#include "base/parallel.h"
#include "base/spares.h"
#include "storage/prepared.h"

namespace anear {
namespace {

constexpr std::int64_t kPointsBytes = 128 << 10;  // packed points of a task: they stay in the second-level cache
constexpr std::int64_t kQueries = 512;            // queries a task: what packing the points costs is shared by these
constexpr std::int64_t kPreparedBytes = 8 << 20;  // of queries prepared at a time
// A value computed by itself costs as much as about so many of a tile's: where more are missing, all are computed anew.
constexpr std::int64_t kDear = 24;

void check(const KernelTable& table, const Rows& queries, const Rows& points, bool stores = true) {
  const bool can = stores ? table.prepare_points && (table.store || table.store_one) : table.gather != nullptr;
  require(table.prepare_query && can, stores ? "the table lacks 'prepare_points', 'prepare_query' or both of 'store' "
                                               "and 'store_one'"
                                             : "the exact table lacks 'prepare_query' or 'gather'");
  const auto fits = [](const char* name, std::int64_t columns, std::int64_t expected) {
    require(columns == expected, [&] {
      return std::string(name) + " have " + std::to_string(columns) + " columns, the table expects " +
             std::to_string(expected);
    });
  };
  fits("queries", queries.columns, table.query_columns);
  fits("points", points.columns, table.point_columns);
}

// Queries that one call of the store kernel takes.
std::int64_t tile_of(const KernelTable& table, std::int64_t queries) {
  return table.store != nullptr && (queries > 2 || table.store_one == nullptr) ? table.query_tile : 1;
}

template <class From, class To>
void copy(const From* from, std::int64_t count, To* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <class Real>
Real* same_type(const MatrixView& out) {
  if constexpr (std::is_same_v<Real, float>) {
    return out.data32;
  } else {
    return out.data64;
  }
}

// A view of the matrix from row `row` and column `column` on.
MatrixView at(const MatrixView& out, std::int64_t row, std::int64_t column) {
  const std::int64_t offset = row * out.stride + column;
  return {out.data64 ? out.data64 + offset : nullptr, out.data32 ? out.data32 + offset : nullptr, out.stride};
}

// Appends where a row is NaN.
template <class Real>
void find_missing(const Real* row, std::int64_t count, std::vector<PointId>& found) {
  constexpr std::int64_t kStrip = 128;
  for (std::int64_t start = 0; start < count; start += kStrip) {
    const std::int64_t end = std::min(start + kStrip, count);
    int any = 0;
    for (std::int64_t i = start; i < end; ++i) any |= row[i] != row[i];
    if (any == 0) continue;
    for (std::int64_t i = start; i < end; ++i) {
      if (row[i] != row[i]) found.push_back(static_cast<PointId>(i));
    }
  }
}

// Queries that meet every piece of the points, prepared together; for the whole form only once a piece asks for it.
class Group {
 public:
  void reset(std::int64_t first, std::int64_t count) {
    this->first = first;
    this->count = count;
    ready_ = false;
  }

  void prepare(const Form& form, const Rows& queries) { prepare(form, queries, prepared_); }
  const PreparedQueries& prepared() const { return prepared_; }

  const PreparedQueries& whole(const Form& form, const Rows& queries) {
    const std::lock_guard lock(mutex_);
    if (!ready_) prepare(form, queries, whole_);
    ready_ = true;
    return whole_;
  }

  std::int64_t first = 0, count = 0;

 private:
  void prepare(const Form& form, const Rows& queries, PreparedQueries& into) const {
    const std::int64_t tile = tile_of(*form.table, count);
    into.prepare(*form.table, form.parameters, queries, first, count, (count + tile - 1) / tile * tile);
  }

  std::mutex mutex_;
  PreparedQueries prepared_, whole_;
  bool ready_ = false;
};

// One piece of the points, packed for one form.
class Piece {
 public:
  void pack(const Form& form, const Rows& points, std::int64_t first, std::int64_t count) {
    const KernelTable& table = *form.table;
    count_ = count;
    blocks_ = padded_blocks(table, count);
    packed_.ensure(blocks_ * table.point_block_bytes);
    prepare_blocks(table, form.parameters, points, first, blocks_, packed_.data(), nullptr, raw_);
  }

  // The rows of `used` queries from `query` on, `tile` of them prepared; `out` begins with the first. False if a guarded
  // form left values to be computed.
  bool fill(const Form& form, const void* query, std::int64_t tile, std::int64_t used, const MatrixView& out) {
    if (form.table->arithmetic_bytes == 4) return fill_as(form, query, tile, used, out, values32_);
    return fill_as(form, query, tile, used, out, values64_);
  }

 private:
  template <class Real>
  bool fill_as(const Form& form, const void* query, std::int64_t tile, std::int64_t used, const MatrixView& out,
               AlignedArray<Real>& values) {
    const KernelTable& table = *form.table;
    const auto store = tile > 1 || table.store_one == nullptr ? table.store : table.store_one;
    const std::int64_t width = blocks_ * table.block;
    std::int32_t missing = 0;
    Real* direct = same_type<Real>(out);
    if (direct != nullptr && used == tile && width == count_) {
      store(query, packed_.data(), blocks_, form.parameters, direct, out.stride, &missing);
      return missing == 0;
    }
    values.ensure(tile * width);
    store(query, packed_.data(), blocks_, form.parameters, values.data(), width, &missing);
    for (std::int64_t i = 0; i < used; ++i) {
      if (out.data32) copy(values.data() + i * width, count_, out.data32 + i * out.stride);
      if (out.data64) copy(values.data() + i * width, count_, out.data64 + i * out.stride);
    }
    return missing == 0;
  }

  std::int64_t count_ = 0, blocks_ = 0;
  AlignedArray<std::byte> packed_;
  AlignedArray<double> raw_;
  AlignedArray<float> values32_;
  AlignedArray<double> values64_;
};

// What all tasks of a call share.
struct Call {
  const MatrixForms& forms;
  const Rows& queries;
  const Rows& points;
  const MatrixView& out;
  Progress& progress;
};

// Scratch of a task, which fills a piece's columns of a group's rows.
class Task {
 public:
  void run(const Call& call, Group& group, std::int64_t first, std::int64_t count) {
    first_ = first;
    count_ = count;
    std::int64_t done = 0;
    if (call.forms.guarded.table != nullptr) done = run_guarded(call, group);
    if (done < group.count) {
      const Form& form = call.forms.whole;
      const PreparedQueries& queries =
          call.forms.guarded.table != nullptr ? group.whole(form, call.queries) : group.prepared();
      run_whole(call, form, queries, group, done);
    }
    call.progress.advance(group.count * count_);
  }

 private:
  void run_whole(const Call& call, const Form& form, const PreparedQueries& queries, const Group& group,
                 std::int64_t from) {
    const std::int64_t tile = tile_of(*form.table, group.count);
    whole_.pack(form, call.points, first_, count_);
    for (std::int64_t q = from / tile * tile; q < group.count; q += tile) {
      const std::int64_t used = std::min(tile, group.count - q);
      whole_.fill(form, queries.query(q), tile, used, at(call.out, group.first + q, first_));
      call.progress.poll();
    }
  }

  // How many queries are done: fewer than there are once too many values were missing.
  std::int64_t run_guarded(const Call& call, const Group& group) {
    const Form& form = call.forms.guarded;
    const std::int64_t tile = tile_of(*form.table, group.count);
    guarded_.pack(form, call.points, first_, count_);
    for (std::int64_t q = 0; q < group.count; q += tile) {
      const std::int64_t used = std::min(tile, group.count - q);
      const MatrixView rows = at(call.out, group.first + q, first_);
      const bool whole = guarded_.fill(form, group.prepared().query(q), tile, used, rows);
      if (!whole && !complete(call, group.first + q, used, rows)) return q;
      call.progress.poll();
    }
    return group.count;
  }

  // Computes the values that are NaN by themselves; false where these are too many.
  bool complete(const Call& call, std::int64_t query, std::int64_t used, const MatrixView& rows) {
    missing_.clear();
    ends_.clear();
    for (std::int64_t i = 0; i < used; ++i) {
      if (rows.data32) find_missing(rows.data32 + i * rows.stride, count_, missing_);
      if (rows.data64) find_missing(rows.data64 + i * rows.stride, count_, missing_);
      ends_.push_back(missing_.size());
    }
    if (missing_.empty()) return true;
    if (static_cast<std::int64_t>(missing_.size()) > std::max(used * count_ / kDear, used)) return false;
    const Form& exact = call.forms.exact;
    exact_.prepare(*exact.table, exact.parameters, call.queries, query, used, used);
    for (std::int64_t i = 0; i < used; ++i) {
      const std::size_t start = i == 0 ? 0 : ends_[i - 1];
      compute(call, exact_.query(i), missing_.data() + start, ends_[i] - start, at(rows, i, 0));
    }
    return true;
  }

  void compute(const Call& call, const void* query, const PointId* ids, std::size_t n, const MatrixView& row) {
    const Form& exact = call.forms.exact;
    computed_.ensure(n);
    exact.table->gather(query, call.points.row(first_), call.points.row_bytes(), ids, static_cast<std::int64_t>(n),
                        exact.parameters, computed_.data());
    for (std::size_t j = 0; j < n; ++j) {
      if (row.data32) row.data32[ids[j]] = static_cast<float>(computed_[j]);
      if (row.data64) row.data64[ids[j]] = computed_[j];
    }
  }

  std::int64_t first_ = 0, count_ = 0;
  Piece guarded_, whole_;
  std::vector<PointId> missing_;
  std::vector<std::size_t> ends_;
  PreparedQueries exact_;
  AlignedArray<double> computed_;
};

void run(const Call& call, int threads) {
  const bool guarded = call.forms.guarded.table != nullptr;
  const Form& form = guarded ? call.forms.guarded : call.forms.whole;
  const KernelTable& table = *form.table;
  const std::int64_t step = block_step(table);
  const std::int64_t piece =
      std::max<std::int64_t>(1, kPointsBytes / table.point_block_bytes / step) * step * table.block;
  const std::int64_t pieces = (call.points.count + piece - 1) / piece;
  const std::int64_t query_bytes = table.query_slots * table.arithmetic_bytes * kQueries * (guarded ? 2 : 1);
  const std::int64_t most_groups = std::clamp<std::int64_t>(kPreparedBytes / query_bytes, 1, 64);
  const std::int64_t all_groups = (call.queries.count + kQueries - 1) / kQueries;
  std::vector<Group> groups(std::min(most_groups, all_groups));
  Spares<Task> spares;
  call.progress.start(call.queries.count * call.points.count);
  for (std::int64_t done = 0; done < all_groups; done += static_cast<std::int64_t>(groups.size())) {
    const std::int64_t used = std::min(all_groups - done, static_cast<std::int64_t>(groups.size()));
    parallel_for(used, threads, call.progress, [&](std::int64_t i) {
      const std::int64_t first = (done + i) * kQueries;
      groups[i].reset(first, std::min(kQueries, call.queries.count - first));
      groups[i].prepare(form, call.queries);
    });
    parallel_for(pieces * used, threads, call.progress, [&](std::int64_t task) {
      const std::int64_t first = task / used * piece;
      auto work = spares.take();
      work->run(call, groups[task % used], first, std::min(piece, call.points.count - first));
      spares.give(std::move(work));
    });
  }
}

}  // namespace

void pairwise(const MatrixForms& forms, const Rows& queries, const Rows& points, const MatrixView& out, int threads,
              Progress& progress) {
  check(*forms.whole.table, queries, points);
  if (forms.guarded.table != nullptr) {
    check(*forms.guarded.table, queries, points);
    require(forms.exact.table != nullptr && forms.exact.table->arithmetic_bytes == 8,
            "a guarded table needs an exact one that computes in float64");
    check(*forms.exact.table, queries, points, false);
  }
  if (queries.count == 0 || points.count == 0) return;
  run({forms, queries, points, out, progress}, threads);
}

}  // namespace anear
