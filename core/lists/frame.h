// What a bilinear plan multiplies, made ready for codes of few bits.
//
// The plan computes  sum_s q_s * p_s + sum_j Q_j * P_j.  Each P_j is moved so that its mean is 0 and stretched so that
// it varies as much as Q_j does, the other way round; then both vectors are turned (lists/turn.h). Now an error of any
// coordinate costs the same: all of them may be rounded alike.
#pragma once
#include <cstdint>
#include <vector>

#include "base/memory.h"
#include "lists/turn.h"
#include "storage/codes.h"
#include "storage/prepared.h"
#include "storage/rows.h"

namespace anear {

// A query's turned weights and what goes with them.
struct FrameQuery {
  AlignedArray<float> stretched, weights;
  std::vector<float> scalars;
  double base = 0;
};

class Frame {
 public:
  // Looks at some of the points, and at the same ones as queries.
  Frame(CodeForm form, const Rows& points, const Rows& objects);
  // One that was made before. Throws ArgumentError if its numbers do not fit.
  Frame(CodeForm form, std::vector<float> middle, std::vector<float> stretch);

  struct Scratch {
    AlignedArray<double> raw;
    AlignedArray<std::byte> blocks;
    AlignedArray<float> vector;
  };
  // The turned coordinates of rows, which are few, and their scalars: [rows][length] and [rows][scalars].
  void place(const Rows& rows, Scratch& scratch, float* coordinates, float* scalars) const;
  void prepare(const PreparedQueries& queries, std::int64_t i, FrameQuery& query) const;

  const CodeForm& form() const { return form_; }
  std::int64_t length() const { return length_; }    // coordinates
  std::int64_t scalars() const { return scalars_; }  // of a point
  const std::vector<float>& middle() const { return middle_; }
  const std::vector<float>& stretch() const { return stretch_; }

 private:
  void measure();
  void untouched(const Rows& rows, Scratch& scratch, float* coordinates, float* scalars) const;

  CodeForm form_;
  std::int64_t length_ = 0, scalars_ = 0;
  std::vector<float> middle_, stretch_;
  Turn turn_;
};

// Rows that lie anywhere, brought together; what is no row (kNobody) is the first one instead.
Rows brought(const Rows& rows, const PointId* ids, std::int64_t count, AlignedArray<std::byte>& memory);

}  // namespace anear
