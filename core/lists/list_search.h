// Searching lists of points: only the lists whose centres are nearest to a query are scanned. A point that comes joins
// the list whose centre is nearest to it; centres do not move. What was removed keeps its lane, which no longer says so.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "index/method.h"
#include "lists/centres.h"
#include "lists/cut.h"
#include "lists/list_blocks.h"
#include "lists/packed_codes.h"
#include "result/hits.h"

namespace anear {

// What a search of lists may be told.
const std::vector<Parameter>& list_search_parameters();

struct ListOptions {
  std::int64_t lists;   // 0: by the number of points
  std::int64_t probes;  // lists that a search looks at where nothing else is said
  std::uint64_t seed;
  int bits;  // of a coordinate's code, where there are codes
};

template <class Real>
struct ListTask;

class ListSearch final : public Method {
 public:
  // Throws ArgumentError if the request lacks what lists need.
  ListSearch(BuildRequest request, const ListOptions& options, Progress& progress);

  void knn(const SearchRequest& request, const KnnAnswer& answer, Progress& progress) const override;
  RangeAnswer range(const SearchRequest& request, const RangeRequest& radii, Progress& progress) const override;
  std::int64_t points() const override { return rows_.count; }
  std::int64_t bytes() const override;
  const std::vector<double>& maxima() const override;
  const std::vector<PointId>& order() const override { return cut_.order; }
  std::vector<Part> parts() const override;
  void add(const Change& change, Gate& gate, Progress& progress) override;
  void remove(const std::vector<PointId>& points, const Change& change, Gate& gate, Progress& progress) override;
  const Alive* alive() const override { return &alive_; }
  Checked check() const override;

 private:
  // Points that are about to come.
  struct Newcomers {
    std::int64_t first;
    std::vector<std::int32_t> lists;
    float reach;        // see reach_
    PackedCodes codes;  // of them alone, one behind the other
    ListedPoints listed;
  };
  // How a search goes about it.
  struct Effort {
    std::int64_t probes;  // lists
    std::size_t rerank;   // how many of the nearest found there are compared in full
    bool scans = false;   // all that are admitted are compared
  };

  void encode(BuildRequest& request, int bits, Progress& progress);
  Newcomers newcomers(const Change& change, Gate& gate, Progress& progress);
  void put_behind(const Newcomers& newcomers, const Change& change, Gate& gate);
  void lay_anew(const Newcomers& newcomers, const Change& change, Gate& gate);
  Effort effort(const SearchRequest& request, std::size_t k) const;
  template <class Real, class Search>
  void run(const SearchRequest& request, Progress& progress, const Search& search) const;
  template <class Real>
  void rank_lists(std::int64_t i, std::int64_t nearest, ListTask<Real>& task) const;
  template <class Real>
  void scan_list(std::int64_t list, std::int64_t next, std::int64_t i, const Admission& admission,
                 ListTask<Real>& task) const;
  template <class Real, class Admits>
  void probe(const Effort& effort, std::int64_t first, std::int64_t count, const Admits& admission, Progress& progress,
             ListTask<Real>& task) const;
  template <class Real>
  void gather(const Effort& effort, std::int64_t i, const Admission& admission, ListTask<Real>& task) const;
  template <class Real>
  void compare(std::int64_t i, ListTask<Real>& task) const;
  template <class Real>
  void within(std::int64_t probes, double radius, std::int64_t i, const Admission& admission,
              ListTask<Real>& task) const;
  const std::vector<PointId>& admitted(const std::uint8_t* allowed, std::vector<PointId>& listed) const;

  Rows rows_;
  Space space_;
  Alive alive_;
  std::int64_t built_;  // so many points were there at first
  Cut cut_;
  std::int64_t probes_;
  ListPlaces places_;
  Centres centres_;             // with codes only once points come
  std::optional<Frame> frame_;  // with codes
  PackedCodes codes_, centre_codes_;
  float reach_ = 0;      // newcomers farther from their centre have no code; 0: not yet known
  ListedPoints listed_;  // without codes
};

}  // namespace anear
