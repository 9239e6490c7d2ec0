// Softmax and log-softmax of each row, shifted by the row's maximum so that nothing overflows. Cost: one exp per element.
#pragma once
#include "reduction/reduce.h"

namespace elman::ELMAN_TARGET {
namespace {

// to = exp(from - most); returns the sum
template <class R, bool keep>
ELMAN_INLINE R exponentials(const R* from, R* to, int64_t n, R most) {
  constexpr int W = width<R>;
  vec<R> sum[2] = {};
  int64_t i = 0;
  for (; i + 2 * W <= n; i += 2 * W) {
    const vec<R> x = exp_negative<R>(load(from + i) - most), y = exp_negative<R>(load(from + i + W) - most);
    if (keep) store(to + i, x), store(to + i + W, y);
    sum[0] += x;
    sum[1] += y;
  }
  for (; i < n; i += W) {
    const int left = int(n - i < W ? n - i : W);
    const vec<R> x = exp_negative<R>(load(from + i) - most);
    if (keep) store_partial(to + i, x, left);
    sum[0] += first<R>(left) ? x : vec<R>{};
  }
  return sum_lanes<R>(sum[0] + sum[1]);
}

template <class R, class F>
ELMAN_INLINE void map_row(const R* from, R* to, int64_t n, F f) {
  constexpr int W = width<R>;
  int64_t i = 0;
  for (; i + W <= n; i += W) store(to + i, f(load(from + i)));
  if (i < n) store_partial(to + i, f(load(from + i)), int(n - i));
}

template <class R>
void softmax(const Softmax<R>& p) {
  for (int64_t row = 0; row < p.rows; ++row) {
    const R* from = p.from + row * p.columns;
    R* to = p.to + row * p.columns;
    const R most = reduce_row<R, Maximum<R>>(from, p.columns);
    if (p.log) {
      const R shift = log<R>(splat(exponentials<R, false>(from, to, p.columns, most)))[0];
      map_row(from, to, p.columns, [=](vec<R> x) { return (x - most) - shift; });
    } else {
      const R factor = R(1) / exponentials<R, true>(from, to, p.columns, most);
      map_row((const R*)to, to, p.columns, [=](vec<R> x) { return x * factor; });
    }
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
