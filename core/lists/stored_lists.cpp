#include "lists/stored_lists.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>

#include "base/error.h"

namespace anear {

std::vector<Part> cut_parts(const Cut& cut) {
  const Rows centres = cut.centre_rows();
  std::vector<Part> parts{{"centres", PartType::float64, centres.count, centres.columns, cut.centres.data()},
                          part("starts", cut.starts),
                          part("order", cut.order)};
  if (!cut.added.empty()) parts.push_back(part("added", cut.added));
  return parts;
}

Cut stored_cut(const Stored& stored, const Rows& rows) {
  const Part &centres = stored.get("centres"), &starts = stored.get("starts"), &order = stored.get("order");
  require(centres.rows >= 1 && centres.columns == rows.columns && starts.size() == centres.rows + 1,
          "'centres' and 'starts' are not of as many lists, or of other points");
  Cut cut;
  cut.centres.assign(centres.doubles(), centres.doubles() + centres.size());
  cut.starts.assign(starts.integers(), starts.integers() + starts.size());
  if (const Part* added = stored.find("added")) {
    check_numbers(*added, centres.rows);
    cut.added.assign(added->integers(), added->integers() + added->size());
  }
  require(cut.starts.front() == 0 && cut.starts.back() + static_cast<std::int64_t>(cut.added.size()) == rows.count &&
              std::is_sorted(cut.starts.begin(), cut.starts.end()) && order.size() == rows.count,
          "'starts', 'order' and 'added' do not fit " + std::to_string(rows.count) + " points");
  cut.order.assign(order.ids(), order.ids() + order.size());
  std::vector<bool> seen(rows.count);
  for (const PointId id : cut.order) {
    require(id < rows.count && !seen[id], "'order' does not hold every point once");
    seen[id] = true;
  }
  return cut;
}

std::int64_t stored_number(const Stored& stored, const std::string& name, std::int64_t most) {
  const Part* part = stored.find(name);
  if (part == nullptr) return most;
  const std::int64_t* number = part->long_integers();
  require(part->size() == 1 && 1 <= *number && *number <= most,
          "'" + name + "' is no number from 1 to " + std::to_string(most));
  return *number;
}

std::vector<Part> frame_parts(const Frame& frame, const PackedCodes& codes) {
  const MadePackedCodes made = codes.made();
  const auto floats = [](const char* name, std::span<const float> values) {
    return Part{name, PartType::float32, static_cast<std::int64_t>(values.size()), 0, values.data()};
  };
  return {{"codes", PartType::uint8, static_cast<std::int64_t>(made.blocks.size()) / codes.block_bytes(),
           codes.block_bytes(), made.blocks.data()},
          floats("code_numbers", made.numbers),
          floats("code_low", made.low),
          floats("code_step", made.step),
          floats("code_middle", frame.middle()),
          floats("code_stretch", frame.stretch())};
}

std::optional<MadeFrame> stored_frame(const Stored& stored) {
  const Part* codes = stored.find("codes");
  if (codes == nullptr) return std::nullopt;
  const auto floats = [&](const char* name) {
    const Part& part = stored.get(name);
    return std::span(part.floats(), static_cast<std::size_t>(part.size()));
  };
  const auto copied = [&](const char* name) {
    const auto values = floats(name);
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> reach = stored.find("code_reach") ? copied("code_reach") : std::vector<float>{0};
  require(reach.size() == 1 && reach[0] >= 0, "'code_reach' is no distance");
  return MadeFrame{copied("code_middle"),
                   copied("code_stretch"),
                   {{reinterpret_cast<const std::byte*>(codes->bytes()), static_cast<std::size_t>(codes->size())},
                    floats("code_numbers"),
                    floats("code_low"),
                    floats("code_step")},
                   reach[0]};
}

std::vector<PointId> numbered(std::int64_t count, std::int64_t lanes) {
  std::vector<PointId> ids((count + lanes - 1) / lanes * lanes, kNobody);
  std::iota(ids.begin(), ids.begin() + count, PointId{0});
  return ids;
}

}  // namespace anear
