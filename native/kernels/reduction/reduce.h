// Sum, maximum, minimum and product along the middle axis.
//
// Sums are pairwise: blocks of `block_rows` are summed in place, then joined like the digits of a binary counter (Higham 1993,
// cascade summation), so the error grows with the block and the logarithm of the length. The order depends on the sizes only.
#pragma once
#include "elman/kernels.h"
#include "pointwise/arithmetic.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int block_rows = 32, levels = 48;  // 2^48 blocks: no length is longer

template <class R>
struct Sum {
  static constexpr R start = 0;
  static ELMAN_INLINE vec<R> join(vec<R> a, vec<R> b) { return a + b; }
};
template <class R>
struct Product {
  static constexpr R start = 1;
  static ELMAN_INLINE vec<R> join(vec<R> a, vec<R> b) { return a * b; }
};
template <class R>
struct Maximum {
  static constexpr R start = -R(__builtin_inf());
  static ELMAN_INLINE vec<R> join(vec<R> a, vec<R> b) { return maximum<R>(a, b); }
};
template <class R>
struct Minimum {
  static constexpr R start = R(__builtin_inf());
  static ELMAN_INLINE vec<R> join(vec<R> a, vec<R> b) { return minimum<R>(a, b); }
};

// Partial results as digits of a counter: level i holds the result of 2^i blocks.
template <class R, class Op, int NV>
struct Cascade {
  vec<R> level[levels][NV];
  int64_t blocks = 0;
  ELMAN_INLINE void push(vec<R> (&x)[NV]) {
    int i = 0;
    for (int64_t n = blocks; n & 1; n >>= 1, ++i)
      for (int v = 0; v < NV; ++v) x[v] = Op::join(level[i][v], x[v]);
    for (int v = 0; v < NV; ++v) level[i][v] = x[v];
    ++blocks;
  }
  ELMAN_INLINE void finish(vec<R> (&x)[NV]) {  // x: what is left over after the last full block
    int i = 0;
    for (int64_t n = blocks; n; n >>= 1, ++i)
      if (n & 1)
        for (int v = 0; v < NV; ++v) x[v] = Op::join(level[i][v], x[v]);
  }
};

// NV vectors of columns, `length` rows `apart` elements from one to the next. terms(n): the vector from element n on
template <class R, class Op, int NV, class Terms>
ELMAN_INLINE void reduce_columns(int64_t length, int64_t apart, vec<R> (&x)[NV], Terms terms) {
  Cascade<R, Op, NV> cascade;
  int64_t from = 0;
  for (int64_t done = 0;; done += block_rows) {
    const int64_t rows = length - done < block_rows ? length - done : block_rows;
    ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) x[v] = splat(Op::start);
    for (int64_t i = 0; i < rows; ++i, from += apart) ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) x[v] = Op::join(x[v], terms(from + v * width<R>));
    if (rows < block_rows) break;
    cascade.push(x);
  }
  cascade.finish(x);
}

template <class R, class Op, int NV>
void reduce_strip(const R* from, int64_t length, int64_t apart, R* to, int last) {
  vec<R> x[NV];
  reduce_columns<R, Op, NV>(length, apart, x, [=](int64_t n) __attribute__((always_inline)) { return load(from + n); });
  for (int v = 0; v + 1 < NV; ++v) store(to + v * width<R>, x[v]);
  store_partial(to + (NV - 1) * width<R>, x[NV - 1], last);
}

// A contiguous row of whole vectors, but for its lanes: what is left is to join those. terms(n): the vector from element n on
template <class R, class Op, class Terms>
ELMAN_INLINE vec<R> reduce_lanes(int64_t length, Terms terms) {
  constexpr int W = width<R>, NV = 4;
  vec<R> x[NV];
  int64_t done = 0;
  if (length >= NV * W) {
    const int64_t rows = length / (NV * W);
    reduce_columns<R, Op, NV>(rows, NV * W, x, terms);
    done = rows * NV * W;
    x[0] = Op::join(Op::join(x[0], x[1]), Op::join(x[2], x[3]));
  } else {
    x[0] = splat(Op::start);
  }
  for (; length - done >= W; done += W) x[0] = Op::join(x[0], terms(done));
  return x[0];
}

// A contiguous row: lanes as columns, then across the lanes; what does not fill a vector comes last.
template <class R, class Op>
R reduce_row(const R* from, int64_t length) {
  constexpr int W = width<R>;
  const int64_t done = length - length % W;
  vec<R> x = reduce_lanes<R, Op>(done, [=](int64_t n) __attribute__((always_inline)) { return load(from + n); });
  if (done < length) x = Op::join(x, load_partial_or(from + done, int(length - done), Op::start));
  return across<R>(x, [](vec<R> a, vec<R> b) __attribute__((always_inline)) { return Op::join(a, b); });
}

template <class R, class Op>
void reduce_all(const Reduce<R>& p) {
  constexpr int W = width<R>, NV = 4;
  for (int64_t o = 0; o < p.outer; ++o) {
    const R* from = p.from + o * p.length * p.inner;
    R* to = p.to + o * p.inner;
    if (p.inner == 1) {
      *to = reduce_row<R, Op>(from, p.length);
      continue;
    }
    int64_t left = p.inner;
    for (; left >= NV * W; left -= NV * W, from += NV * W, to += NV * W)
      reduce_strip<R, Op, NV>(from, p.length, p.inner, to, W);
    for (; left > 0; left -= W, from += W, to += W)
      reduce_strip<R, Op, 1>(from, p.length, p.inner, to, int(left < W ? left : W));
  }
}

template <class R>
void reduce(const Reduce<R>& p) {
  switch (p.kind) {
    case ReduceKind::sum:
      return reduce_all<R, Sum<R>>(p);
    case ReduceKind::max:
      return reduce_all<R, Maximum<R>>(p);
    case ReduceKind::min:
      return reduce_all<R, Minimum<R>>(p);
    case ReduceKind::prod:
      return reduce_all<R, Product<R>>(p);
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
