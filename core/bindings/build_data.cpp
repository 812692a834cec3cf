#include "bindings/build_data.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <string>

#include "bindings/bindings.h"

namespace anear::bindings {

void bind_build_data(nb::module_& module) {
  nb::class_<Estimate>(module, "Estimate", "A table that computes a rank, and how far it may be off.")
      .def(
          "__init__",
          [](Estimate* self, std::shared_ptr<Table> table, nb::handle parameters, nb::handle slack_slots,
             double slack_scale, double relative, std::int64_t offset_slot) {
            new (self) Estimate{std::move(table),
                                doubles(parameters, "parameters"),
                                integers(slack_slots, "slack_slots"),
                                slack_scale,
                                relative,
                                offset_slot};
          },
          nb::arg("table"), nb::arg("parameters"), nb::arg("slack_slots"), nb::arg("slack_scale"), nb::arg("relative"),
          nb::arg("offset_slot"));
  nb::class_<BoxData>(module, "Boxes", "What boxes are made of, and the tables that bound ranks over them.")
      .def(nb::init<const Estimate&, const Estimate*, nb::handle, nb::handle, const std::string&, nb::handle,
                    const std::string&, std::int64_t>(),
           nb::arg("lower"), nb::arg("upper").none(), nb::arg("low"), nb::arg("high"), nb::arg("storage"),
           nb::arg("split"), nb::arg("split_storage"), nb::arg("extras"));
  nb::class_<BallData>(module, "Balls", "What balls are made of: the table that bounds ranks over them, and distances.")
      .def(nb::init<std::shared_ptr<Table>, nb::handle, std::shared_ptr<Table>, nb::handle, bool>(), nb::arg("table"),
           nb::arg("parameters"), nb::arg("reach"), nb::arg("reach_parameters"), nb::arg("means"));
  nb::class_<RowData>(module, "RowForm", "How prepared points lie as rows, and the points as queries.")
      .def(nb::init<nb::handle, bool, nb::handle, const std::string&, bool, bool, bool>(), nb::arg("pieces"),
           nb::arg("raw"), nb::arg("objects"), nb::arg("storage"), nb::arg("raw_queries") = false,
           nb::arg("symmetric") = false, nb::arg("never_negative") = false)
      .def("build_by", &RowData::build_by, nb::arg("estimate"), nb::arg("form"), nb::arg("code_form") = nb::none(),
           nb::keep_alive<1, 3>(), "What a graph is built by, where that is not what it is searched with.");
  nb::class_<CodeData>(module, "CodeForm", "What codes are made of, and the kernel that decodes them.")
      .def(nb::init<std::shared_ptr<Table>, nb::handle, nb::handle, std::shared_ptr<Table>, nb::handle, std::int32_t,
                    std::int64_t, std::int64_t, bool>(),
           nb::arg("table"), nb::arg("parameters"), nb::arg("terms"), nb::arg("kernel").none() = nb::none(),
           nb::arg("kernel_parameters") = nb::none(), nb::arg("bits") = 8, nb::arg("levels_at") = -1,
           nb::arg("objects") = 0, nb::arg("whole") = false);
}

}  // namespace anear::bindings
