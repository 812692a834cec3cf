// ivf: approximate search in lists of points around centres (an inverted file), of which a query scans the nearest ones.
#include <cstdint>
#include <memory>
#include <utility>

#include "lists/list_search.h"

namespace anear {
namespace {

std::unique_ptr<Method> build(BuildRequest request, Progress& progress) {
  const std::vector<double>& given = request.parameters;
  const ListOptions options{static_cast<std::int64_t>(given[0]), static_cast<std::int64_t>(given[1]),
                            static_cast<std::uint64_t>(given[2]), static_cast<int>(given[3])};
  return std::make_unique<ListSearch>(std::move(request), options, progress);
}

}  // namespace

extern const MethodEntry method_ivf;
const MethodEntry method_ivf{"approximate search in the lists of points whose centres are nearest",
                             {{"lists", "int", 0, 1 << 24, 0, "how many lists; 0: by the number of points"},
                              {"probes", "int", 1, 1 << 24, 64, "the default of ef: how many lists are scanned"},
                              {"seed", "int", 0, 0x1p53, 0, "of the points that centres begin with"},
                              {"bits", "int", 4, 8, 4, "of a coordinate's code, where there are codes"}},
                             list_search_parameters(),
                             build,
                             false,
                             kMostSigned};

}  // namespace anear
