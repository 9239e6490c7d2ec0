// Running sums along the middle axis, one addition after another. Weakness: with inner == 1 each waits for the one before.
#pragma once
#include "elman/kernels.h"
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
void cum_sum_row(const CumSum<R>& p, const R* from, R* to) {
  R sum = 0;
  for (int64_t i = 0; i < p.length; ++i) {
    const int64_t at = p.reverse ? p.length - 1 - i : i;
    const R x = from[at];
    to[at] = p.exclusive ? sum : sum + x;
    sum += x;
  }
}

template <class R>
void cum_sum_columns(const CumSum<R>& p, const R* from, R* to, int columns) {
  vec<R> sum = {};
  for (int64_t i = 0; i < p.length; ++i) {
    const int64_t at = (p.reverse ? p.length - 1 - i : i) * p.inner;
    const vec<R> next = sum + load(from + at);
    store_partial(to + at, p.exclusive ? sum : next, columns);
    sum = next;
  }
}

template <class R>
void cum_sum(const CumSum<R>& p) {
  for (int64_t o = 0; o < p.outer; ++o) {
    const R* from = p.from + o * p.length * p.inner;
    R* to = p.to + o * p.length * p.inner;
    if (p.inner == 1) cum_sum_row(p, from, to);
    else
      for (int64_t j = 0; j < p.inner; j += width<R>)
        cum_sum_columns(p, from + j, to + j, int(p.inner - j < width<R> ? p.inner - j : width<R>));
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
