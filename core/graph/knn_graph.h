// The nearest neighbours of every point, nearly all of them, with their distances.
#pragma once
#include "graph/nn_descent.h"
#include "index/method.h"
#include "index/space.h"

namespace anear {

// Found by NN-descent, then ranked by the exact table. Throws ArgumentError if the forms do not fit.
void knn_graph(const Rows& rows, const Space& space, const RowForm& form, const Descent& descent, int threads,
               const KnnAnswer& answer, Progress& progress);

}  // namespace anear
