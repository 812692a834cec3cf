// What searches are asked with, checked, and what they answer, as Python has them.
#pragma once
#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "bindings/arrays.h"
#include "index/method.h"

namespace anear::bindings {

using Values = std::map<std::string, double>;

// Declared parameters with the given values; unknown names and values out of range are errors.
inline std::vector<double> parameter_values(const std::vector<Parameter>& declared, Values given) {
  std::vector<double> values;
  for (const Parameter& parameter : declared) {
    const auto found = given.find(parameter.name);
    const double value = found == given.end() ? parameter.fallback : found->second;
    require(parameter.low <= value && value <= parameter.high, [&] {
      return "parameter '" + parameter.name + "' is " + std::to_string(value) + "; allowed are " +
             std::to_string(parameter.low) + " to " + std::to_string(parameter.high);
    });
    values.push_back(value);
    given.erase(parameter.name);
  }
  require(given.empty(), [&] {
    std::string known;
    for (const Parameter& parameter : declared) known += (known.empty() ? "" : ", ") + parameter.name;
    return "unknown parameter '" + given.begin()->first + "'; there are: " + known;
  });
  return values;
}

// The arguments that every search takes, checked, and their memory held.
struct Call {
  Call(const std::vector<Parameter>& declared, std::int64_t query_columns, nb::handle query_array,
       const std::string& storage, int num_threads, nb::handle exclude, nb::handle allow, const Values& parameters,
       nb::handle effort)
      : queries(query_array, "queries", storage) {
    request.parameters = parameter_values(declared, parameters);
    require(queries.rows.columns == query_columns, [&] {
      return "queries have " + std::to_string(queries.rows.columns) + " columns, the index expects " +
             std::to_string(query_columns);
    });
    request.queries = queries.rows;
    request.threads = resolve_threads(num_threads);
    if (!exclude.is_none()) {
      excluded.emplace(exclude, "exclude", 1, "I");
      require(excluded->size() == queries.rows.count, [&] {
        return "exclude has " + std::to_string(excluded->size()) + " entries for " +
               std::to_string(queries.rows.count) + " queries";
      });
      request.exclude = excluded->data<const PointId>();
    }
    if (!effort.is_none()) {
      efforts.emplace(effort, "effort", 1, "il", true);
      require(efforts->item_bytes() == 4 && efforts->size() == queries.rows.count,
              "effort must be an int32 array with an entry a query");
      request.effort = efforts->data<std::int32_t>();
    }
    if (!allow.is_none()) {
      allowed.emplace(allow, "allow", 1, "B");
      request.allow = allowed->data<const std::uint8_t>();
    }
  }

  // Fits the filter to the points there are now: those that came since it was made are not allowed, and it may speak of
  // some that are still to come.
  void admit(const Method& method, bool changed) {
    if (!allowed) return;
    const std::int64_t wanted = (method.points() + 7) / 8;
    require(changed || allowed->size() >= wanted, [&] {
      return "allow has " + std::to_string(allowed->size()) +
             " bytes, expected one bit a point: " + std::to_string(wanted);
    });
    const Alive* alive = method.alive();
    if (alive == nullptr || (alive->all() && allowed->size() == wanted)) return;
    admitted = alive->admitted(request.allow, 8 * allowed->size());
    request.allow = admitted.data();
  }

  RowsArray queries;
  std::optional<Array> excluded, allowed, efforts;
  std::vector<std::uint8_t> admitted;
  SearchRequest request;
};

// A radius for each query, as a rank and as a distance.
struct Radii {
  Radii(nb::handle radius_rank, nb::handle radius, std::int64_t queries, nb::handle sure_rank = nb::none())
      : ranks(doubles(radius_rank, "radius_rank")), distances(doubles(radius, "radius")), sure(ranks) {
    if (!sure_rank.is_none()) sure = doubles(sure_rank, "sure_rank");
    const auto check = [&](const std::vector<double>& values, const char* name) {
      require(static_cast<std::int64_t>(values.size()) == queries, [&] {
        return std::string(name) + " has " + std::to_string(values.size()) + " entries for " + std::to_string(queries) +
               " queries or radii";
      });
    };
    check(ranks, "radius_rank");
    check(distances, "radius");
    check(sure, "sure_rank");
  }
  RangeRequest request() const { return {ranks.data(), distances.data(), sure.data()}; }

  std::vector<double> ranks, distances, sure;
};

inline const char* checked_type(const std::string& type) {
  require(type == "float32" || type == "float64", "distance_type is '" + type + "'; allowed are float32, float64");
  return type.c_str();
}

// New arrays that the answers of a k-NN search are written to.
struct KnnArrays {
  KnnArrays(nb::object id_array, nb::object distance_array, int dimensions, std::int64_t k)
      : ids(std::move(id_array)),
        distances(std::move(distance_array)),
        ids_out(ids, "ids", dimensions, "lq", true),
        distances_out(distances, "distances", dimensions, "fd", true) {
    const bool single = distances_out.format() == 'f';
    answer = {k, ids_out.data<std::int64_t>(), single ? nullptr : distances_out.data<double>(),
              single ? distances_out.data<float>() : nullptr};
  }
  static KnnArrays of(std::int64_t queries, std::int64_t k, const char* type) {
    return {new_array("int64", queries, k), new_array(type, queries, k), 2, k};
  }
  nb::object pair() const { return nb::make_tuple(ids, distances); }
  // Whether all of the queries have an answer.
  bool complete(std::int64_t queries) const {
    bool all = true;
    for (std::int64_t i = 0; i < queries; ++i) all &= answer.ids[i * answer.k] >= 0;
    return all;
  }

  nb::object ids, distances;
  Array ids_out, distances_out;
  KnnAnswer answer{};
};

inline nb::object range_result(const RangeAnswer& answer, const char* type) {
  const auto size = static_cast<std::int64_t>(answer.ids.size());
  nb::object ids = new_array("int64", size);
  nb::object distances = new_array(type, size);
  nb::object offsets = new_array("int64", static_cast<std::int64_t>(answer.offsets.size()));
  const Array ids_out(ids, "ids", 1, "lq", true);
  const Array distances_out(distances, "distances", 1, "fd", true);
  const Array offsets_out(offsets, "offsets", 1, "lq", true);
  std::copy(answer.ids.begin(), answer.ids.end(), ids_out.data<std::int64_t>());
  std::copy(answer.offsets.begin(), answer.offsets.end(), offsets_out.data<std::int64_t>());
  for (std::int64_t i = 0; i < size; ++i) {
    if (distances_out.format() == 'f') {
      distances_out.data<float>()[i] = static_cast<float>(answer.distances[i]);
    } else {
      distances_out.data<double>()[i] = answer.distances[i];
    }
  }
  return nb::make_tuple(ids, distances, offsets);
}

inline nb::object list_result(const ListAnswer& answer, std::int64_t queries, bool distances) {
  const auto begins = answer.offsets(queries);
  nb::object ids = new_array("int64", begins.back());
  nb::object lengths = new_array("float64", distances ? begins.back() : 0);
  nb::object offsets = new_array("int64", queries + 1);
  const Array ids_out(ids, "ids", 1, "lq", true);
  const Array lengths_out(lengths, "distances", 1, "d", true);
  const Array offsets_out(offsets, "offsets", 1, "lq", true);
  answer.write(begins, ids_out.data<std::int64_t>(), distances ? lengths_out.data<double>() : nullptr);
  std::copy(begins.begin(), begins.end(), offsets_out.data<std::int64_t>());
  return nb::make_tuple(ids, distances ? lengths : nb::none(), offsets);
}

// The ids alone, where there is one query.
inline nb::object ids_of_one(const ListAnswer& answer) {
  const auto begins = answer.offsets(1);
  nb::object ids = new_array("int64", begins.back());
  answer.write(begins, Array(ids, "ids", 1, "lq", true).data<std::int64_t>(), nullptr);
  return ids;
}

inline nb::object join_result(const JoinAnswer& answer, bool distances) {
  const std::int64_t size = answer.pairs();
  nb::object ids = new_array("int64", size, 2);
  nb::object lengths = new_array("float64", distances ? size : 0);
  const Array ids_out(ids, "ids", 2, "lq", true);
  const Array lengths_out(lengths, "distances", 1, "d", true);
  answer.write(ids_out.data<std::int64_t>(), lengths_out.data<double>());
  return nb::make_tuple(ids, distances ? lengths : nb::none());
}

}  // namespace anear::bindings
