// Lists as arrays by name, and made again from them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "index/stored.h"
#include "lists/cut.h"
#include "lists/packed_codes.h"

namespace anear {

std::vector<Part> cut_parts(const Cut& cut);

// The lists of these points whose parts they are. Throws ArgumentError if the parts are no lists.
Cut stored_cut(const Stored& stored, const Rows& rows);

// One number from 1 to `most`, which it is where nothing was stored. Throws ArgumentError if it is another.
std::int64_t stored_number(const Stored& stored, const std::string& name, std::int64_t most);

struct MadeFrame {
  std::vector<float> middle, stretch;
  MadePackedCodes codes;
  float reach;  // 0: not known
};

std::vector<Part> frame_parts(const Frame& frame, const PackedCodes& codes);

// What was stored of codes, if anything was.
std::optional<MadeFrame> stored_frame(const Stored& stored);

// 0 ... count - 1, and kNobody up to a multiple of `lanes`.
std::vector<PointId> numbered(std::int64_t count, std::int64_t lanes);

}  // namespace anear
