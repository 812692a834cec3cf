// Points that come into lists and leave them.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "lists/list_search.h"

namespace anear {
namespace {

constexpr std::int64_t kShare = 8;      // up to this part of the points may lie apart from the others of their lists
constexpr std::size_t kMostFaults = 8;  // that are told

// Makes room for a few more in time that does not depend on how many there are.
template <class Number>
void reserve_more(std::vector<Number>& numbers, std::int64_t more) {
  const std::size_t size = numbers.size() + more;
  if (size > numbers.capacity()) numbers.reserve(size + size / 2);
}

}  // namespace

void ListSearch::add(const Change& change, Gate& gate, Progress& progress) {
  const Newcomers coming = newcomers(change, gate, progress);
  const std::size_t behind = cut_.added.size() + coming.lists.size();
  if (static_cast<std::int64_t>(behind) * kShare > cut_.starts.back()) {
    lay_anew(coming, change, gate);
  } else {
    put_behind(coming, change, gate);
  }
}

// All that can be known of them while others search: their lists, and what is scanned of them.
ListSearch::Newcomers ListSearch::newcomers(const Change& change, Gate& gate, Progress& progress) {
  require(change.row_form.has_value(), "lists need the points as queries");
  const RowForm& form = *change.row_form;
  const KernelTable& table = space_.search();
  require(form.objects.count == change.rows.count && form.objects.columns == table.query_columns,
          "objects must have a row for each point, with the columns of a query");
  for (const RowPiece& piece : form.pieces) {
    require(piece.block_offset >= 0 && piece.length >= 1 && piece.item_bytes >= 1 &&
                piece.block_offset + piece.length * piece.item_bytes * table.block <= table.point_block_bytes,
            "an entry of the prepared rows does not fit the search table");
  }
  if (centres_.count() == 0) {
    Centres made(space_.filter, cut_.centre_rows());
    const Gate::Alone alone(gate);
    centres_ = std::move(made);
  }
  Newcomers coming{rows_.count, std::vector<std::int32_t>(change.rows.count - rows_.count), reach_, {}, {}};
  const auto count = static_cast<std::int64_t>(coming.lists.size());
  Rows objects = form.objects;
  objects.data = objects.row(coming.first);
  objects.count = count;
  progress.start(count);
  centres_.assign(space_.filter, objects, change.threads, progress, coming.lists);
  std::vector<PointId> ids((count + places_.lanes() - 1) / places_.lanes() * places_.lanes(), kNobody);
  std::iota(ids.begin(), ids.begin() + count, static_cast<PointId>(coming.first));
  if (frame_) {
    if (coming.reach == 0) coming.reach = codes_.usual_reach(places_.ids());
    std::vector<std::int32_t> lists = coming.lists;
    lists.resize(ids.size());
    coming.codes =
        codes_.alike(*frame_, change.rows, ids, {&centre_codes_, lists}, coming.reach, change.threads, progress);
  } else {
    coming.listed = ListedPoints(space_.filter, change.rows, ids, change.threads, progress);
  }
  return coming;
}

// Few points, in lanes that are free, and in blocks behind all others.
void ListSearch::put_behind(const Newcomers& coming, const Change& change, Gate& gate) {
  const std::int64_t blocks = places_.blocks_with(coming.lists);
  PackedCodes::Room codes;
  AlignedArray<std::byte> listed;
  if (frame_) {
    codes = codes_.room(blocks);
  } else {
    listed = listed_.blocks().room(blocks);
  }
  const auto count = static_cast<std::int64_t>(coming.lists.size());
  const Gate::Alone alone(gate);
  // What can fail comes first, and changes nothing that is looked at.
  places_.reserve(blocks);
  reserve_more(cut_.order, count);
  reserve_more(cut_.added, count);
  alive_.resize(change.rows.count);
  if (frame_) {
    codes_.extend(blocks, codes);
  } else {
    listed_.blocks().extend(blocks, listed);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const auto id = static_cast<PointId>(coming.first + i);
    const std::int64_t lane = places_.put(coming.lists[i], id);
    if (frame_) {
      codes_.put(lane, coming.codes, i);
    } else {
      listed_.put(*change.row_form, places_.lanes(), lane, coming.listed, i);
    }
    cut_.order.push_back(id);
    cut_.added.push_back(coming.lists[i]);
    alive_.set(id, true);
  }
  reach_ = coming.reach;
  rows_ = change.rows;
}

// So many that all lists are laid out anew, each in one piece, beside the present ones.
void ListSearch::lay_anew(const Newcomers& coming, const Change& change, Gate& gate) {
  Cut cut = cut_with(cut_, coming.lists);
  ListPlaces places(cut, places_.lanes());
  const std::vector<std::int32_t> from = places_.relaid(places);
  PackedCodes codes;
  ListedPoints listed;
  if (frame_) {
    codes = codes_.relaid(from);
  } else {
    listed = listed_.relaid(from);
  }
  for (std::int64_t lane = 0; lane < places.blocks() * places.lanes(); ++lane) {
    const PointId id = places.ids()[lane];
    const std::int64_t newcomer = id - coming.first;
    if (id == kNobody || newcomer < 0) continue;
    if (frame_) {
      codes.put(lane, coming.codes, newcomer);
    } else {
      listed.put(*change.row_form, places.lanes(), lane, coming.listed, newcomer);
    }
  }
  Alive alive = alive_;
  alive.resize(change.rows.count);
  for (std::int64_t id = coming.first; id < change.rows.count; ++id) alive.set(id, true);
  if (!alive.all()) places.forget_dead(alive);
  const Gate::Alone alone(gate);
  std::swap(cut_, cut);
  std::swap(places_, places);
  std::swap(codes_, codes);
  std::swap(listed_, listed);
  std::swap(alive_, alive);
  reach_ = coming.reach;
  rows_ = change.rows;
}

void ListSearch::remove(const std::vector<PointId>& points, const Change&, Gate& gate, Progress& progress) {
  std::vector<std::uint8_t> gone(rows_.count, 0);
  for (const PointId point : points) gone[point] = 1;
  std::vector<std::int64_t> lanes;
  lanes.reserve(points.size());
  const auto ids = places_.ids();
  for (std::size_t lane = 0; lane < ids.size(); ++lane) {
    if (ids[lane] != kNobody && gone[ids[lane]] != 0) lanes.push_back(static_cast<std::int64_t>(lane));
  }
  const Gate::Alone alone(gate);
  for (const PointId point : points) alive_.set(point, false);
  for (const std::int64_t lane : lanes) places_.forget(lane);
  progress.advance(static_cast<std::int64_t>(points.size()));
}

Checked ListSearch::check() const {
  Checked checked;
  checked.live = alive_.count();
  const auto fault = [&](const std::string& text) {
    checked.sound = false;
    if (checked.faults.size() < kMostFaults) checked.faults.push_back(text);
  };
  std::vector<std::uint8_t> seen(rows_.count, 0);
  std::int64_t blocks = 0;
  for (std::int64_t list = 0; list < cut_.lists(); ++list) {
    const std::string name = "list " + std::to_string(list);
    places_.runs(list, [&](std::int64_t first, std::int64_t count) {
      blocks += count;
      for (const PointId id : places_.ids().subspan(first * places_.lanes(), count * places_.lanes())) {
        if (id == kNobody) continue;
        if (id >= rows_.count || !alive_[id]) {
          fault(name + " holds " + std::to_string(id) + ", which is no point of the index");
        } else if (seen[id]++ != 0) {
          fault(name + " holds point " + std::to_string(id) + " once more");
        } else {
          ++checked.reachable;
        }
      }
    });
  }
  if (blocks != places_.blocks() || (frame_ && codes_.blocks() != blocks) ||
      (!frame_ && listed_.blocks().count() != blocks)) {
    fault("the lists have " + std::to_string(blocks) + " blocks, which are not all there are");
  }
  return checked;
}

}  // namespace anear
