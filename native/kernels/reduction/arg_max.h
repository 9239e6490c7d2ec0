// Index of the first largest element; a NaN counts as larger than anything, so the first NaN wins.
#pragma once
#include "reduction/reduce.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
int32_t arg_max_row(const R* from, int64_t length) {
  const R best = reduce_row<R, Maximum<R>>(from, length);
  int64_t i = 0;
  if (best != best)
    while (from[i] == from[i]) ++i;
  else
    while (from[i] != best) ++i;
  return int32_t(i);
}

// A vector of columns; indices are kept as reals' bits, exact for any length below 2^31.
template <class R>
void arg_max_columns(const R* from, int64_t length, int64_t apart, int32_t* to, int columns) {
  vec<R> best = load(from);
  ivec<R> index = {};
  for (int64_t i = 1; i < length; ++i) {
    const vec<R> x = load(from + i * apart);
    const ivec<R> better = ((x > best) | (x != x)) & (best == best);
    best = better ? x : best;
    index = better ? ivec<R>{} + typename lanes<R>::bits(i) : index;
  }
  for (int j = 0; j < columns; ++j) to[j] = int32_t(index[j]);
}

template <class R>
void arg_max(const ArgMax<R>& p) {
  if (p.length <= 0) {
    for (int64_t i = 0; i < p.outer * p.inner; ++i) p.to[i] = 0;
    return;
  }
  for (int64_t o = 0; o < p.outer; ++o) {
    const R* from = p.from + o * p.length * p.inner;
    int32_t* to = p.to + o * p.inner;
    if (p.inner == 1) *to = arg_max_row(from, p.length);
    else
      for (int64_t j = 0; j < p.inner; j += width<R>)
        arg_max_columns(from + j, p.length, p.inner, to + j, int(p.inner - j < width<R> ? p.inner - j : width<R>));
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
