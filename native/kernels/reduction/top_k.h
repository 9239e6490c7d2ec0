// The k largest elements of each row and their places, best first; of equals the first wins, a NaN is larger than anything.
//
// Cost: a pass over the row, beside k log(columns / k) insertions of up to k moves where elements come in no order.
// Known weakness: k insertions an element in a row that rises.
#pragma once
#include "reduction/reduce.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
ELMAN_INLINE bool above(R a, R b) {
  return a > b || (a != a && b == b);
}

// Element i of a row into the best so far, behind those that are not below it; the last of k goes.
template <class R>
ELMAN_INLINE void insert(R x, int64_t i, R* best, int32_t* places, int64_t last) {
  int64_t at = last;
  for (; at > 0 && above(x, best[at - 1]); --at) best[at] = best[at - 1], places[at] = places[at - 1];
  best[at] = x;
  places[at] = int32_t(i);
}

template <class R>
void top_k_row(const R* from, int64_t n, int64_t k, R* best, int32_t* places) {
  constexpr int block = 4 * width<R>;
  int64_t i = 0;
  for (; i < k; ++i) insert(from[i], i, best, places, i);
  while (i < n) {
    const int64_t end = i + block < n ? i + block : n;
    if (end - i == block) {
      ivec<R> none = ~ivec<R>{};  // lanes where nothing is above the least of the best; a NaN never is <= anything
      ELMAN_UNROLL_ALL
      for (int v = 0; v < 4; ++v) none &= load(from + i + v * width<R>) <= splat(best[k - 1]);
      if (!any<R>(~none)) {
        i = end;
        continue;
      }
    }
    for (; i < end; ++i)
      if (above(from[i], best[k - 1])) insert(from[i], i, best, places, k - 1);
  }
}

template <class R>
void top_k(const TopK<R>& p) {
  for (int64_t row = 0; row < p.rows; ++row)
    top_k_row(p.from + row * p.columns, p.columns, p.k, p.to + row * p.k, p.places + row * p.k);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
