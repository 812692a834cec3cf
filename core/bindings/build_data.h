// What methods are built with, gathered from Python's arguments; the arrays are held for as long as these live.
#pragma once
#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.h"
#include "index/method.h"

namespace anear::bindings {

// What boxes are made of, and the tables that bound ranks over them; the arrays are needed while an index is built.
class BoxData {
 public:
  BoxData(const Estimate& lower, const Estimate* upper, nb::handle low, nb::handle high, const std::string& storage,
          nb::handle split, const std::string& split_storage, std::int64_t extras)
      : low_(low, "low", storage), high_(high, "high", storage), split_(split, "split", split_storage) {
    boxes_ = {lower, low_.rows, high_.rows, split_.rows, extras, upper ? std::optional(*upper) : std::nullopt};
  }
  const Boxes& boxes() const { return boxes_; }

 private:
  RowsArray low_, high_, split_;
  Boxes boxes_;
};

// The same of balls.
class BallData {
 public:
  BallData(std::shared_ptr<Table> table, nb::handle parameters, std::shared_ptr<Table> reach,
           nb::handle reach_parameters, bool means)
      : balls_{{std::move(table), doubles(parameters, "parameters"), {}, 0, 0, -1},
               std::move(reach),
               doubles(reach_parameters, "reach_parameters"),
               means} {}
  const Balls& balls() const { return balls_; }

 private:
  Balls balls_;
};

// What codes are made of, six numbers a term, and the kernel that decodes them where there is one.
class CodeData {
 public:
  CodeData(std::shared_ptr<Table> table, nb::handle parameters, nb::handle terms, std::shared_ptr<Table> kernel,
           nb::handle kernel_parameters, std::int32_t bits, std::int64_t levels_at, std::int64_t objects, bool whole)
      : form_{std::move(table),
              doubles(parameters, "parameters"),
              {},
              std::move(kernel),
              {},
              bits,
              levels_at,
              objects,
              whole} {
    if (form_.kernel) form_.kernel_parameters = doubles(kernel_parameters, "kernel_parameters");
    const std::vector<std::int32_t> numbers = integers(terms, "terms");
    require(numbers.size() % 6 == 0, "terms must hold six numbers each");
    for (std::size_t i = 0; i < numbers.size(); i += 6) {
      const std::int32_t* n = numbers.data() + i;
      form_.terms.push_back({n[0], n[1], n[2], n[3], n[4], n[5]});
    }
  }
  const CodeForm& form() const { return form_; }

 private:
  CodeForm form_;
};

// How prepared points lie as rows; the points as queries are needed while an index is built.
class RowData {
 public:
  RowData(nb::handle pieces, bool raw, nb::handle objects, const std::string& storage, bool raw_queries, bool symmetric,
          bool never_negative)
      : objects_(objects, "objects", storage) {
    const std::vector<std::int32_t> numbers = integers(pieces, "pieces");
    require(numbers.size() % 4 == 0, "pieces must hold four numbers an entry");
    for (std::size_t i = 0; i < numbers.size(); i += 4) {
      form_.pieces.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]});
    }
    form_.raw = raw;
    form_.objects = objects_.rows;
    form_.raw_queries = raw_queries;
    form_.symmetric = symmetric;
    form_.never_negative = never_negative;
  }
  const RowForm& form() const { return form_; }

  // A graph is built by other values of the points, whose rows are as `form` has them.
  void build_by(const Estimate& estimate, const RowData& form, const CodeData* code_form) {
    building_ = Building{estimate, form.form_, code_form ? std::optional(code_form->form()) : std::nullopt};
  }
  const std::optional<Building>& building() const { return building_; }

 private:
  RowsArray objects_;
  RowForm form_;
  std::optional<Building> building_;
};

// The kernel tables of a distance and what goes with them, gathered from Python's arguments.
inline Space make_space(std::shared_ptr<Table> search, std::shared_ptr<Table> exact, nb::handle search_parameters,
                        nb::handle exact_parameters, nb::handle slack_slots, double slack_scale, double relative,
                        std::int64_t offset_slot) {
  return {{std::move(search), doubles(search_parameters, "search_parameters"), integers(slack_slots, "slack_slots"),
           slack_scale, relative, offset_slot},
          std::move(exact),
          doubles(exact_parameters, "exact_parameters")};
}

}  // namespace anear::bindings
