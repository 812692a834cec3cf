// The hierarchy of HNSW (https://arxiv.org/abs/1603.09320): ever fewer nodes, through which a walk comes near its query.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "graph/links.h"
#include "graph/reach.h"
#include "graph/walk.h"

namespace anear {

// One level above the lowest. Its nodes are numbered from 0, and so linked.
struct Layer {
  std::vector<std::int32_t> points;  // the point that a node stands for; a removed one keeps its node, unlinked
  std::vector<std::int32_t> below;   // the node that stands for the same point one level down
  Links links;
  Reach reach;  // made when the graph changes for the first time
  Sources sources;
};

// What every walk goes through.
struct Graph {
  Links base;                         // node i is point i
  std::vector<Layer> layers;          // from the lowest up
  std::int32_t top = 0;               // the node of the highest layer that every walk begins at
  std::vector<std::int32_t> entries;  // nodes of the base at which walks begin, beside one that the layers lead to
  std::int64_t width = 64;            // of a search that is told none
  std::int32_t root = 0;              // the node of the base that all others can be reached from
  Reach reach;                        // of the base
  Sources sources;

  // Where the top leads to.
  std::int32_t root_below() const {
    std::int32_t node = top;
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) node = layer->below[node];
    return node;
  }

  std::int64_t bytes() const {
    std::int64_t bytes = base.bytes() + reach.bytes() + sources.bytes() + static_cast<std::int64_t>(entries.size() * 4);
    for (const Layer& layer : layers) {
      bytes += layer.links.bytes() + layer.reach.bytes() + layer.sources.bytes() +
               static_cast<std::int64_t>((layer.points.size() + layer.below.size()) * 4);
    }
    return bytes;
  }
};

// From the top (the last layer) down through all of them: a node of the level under the lowest that is near the query.
// Without layers `top`.
template <class Real>
std::int32_t descend(std::span<const Layer> layers, std::int32_t top, const void* query, Walk<Real>& walk) {
  std::int32_t node = top;
  walk.scorer.at(query);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    walk.scorer.of(layer->points.data());
    node = layer->below[walk.descend(layer->links, node)];
  }
  walk.scorer.of(nullptr);
  return node;
}

}  // namespace anear
