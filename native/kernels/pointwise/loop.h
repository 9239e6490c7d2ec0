// One pointwise step over the rows and vectors of a tile: a function per code, all of one type, in a table by code.
#pragma once
#include "pointwise/arithmetic.h"
#include "reduction/reduce.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t one_element = -1;
// A register as an operand: vector i at at + i * step; step is width, 0 where one vector serves the whole row, or `one_element`.
template <class R>
struct Operand {
  const R* at;
  int64_t step;
};
// Rows that lie apart: how many, and how far from one to the next in the result and in each operand
struct Rows {
  int64_t count, to, a, b, c;
};
// to[0, vectors * width) = the step, in every row; rows nullptr: there is one. `to` may be where an operand lies (at the same
// element), never overlap it otherwise.
template <class R>
using StepFunction = void (*)(R* to, const Operand<R>& a, const Operand<R>& b, const Operand<R>& c, int64_t vectors,
                              const Rows* rows);

template <class R, int arity, class F>
ELMAN_INLINE void run_step(R* to, const Operand<R>& a, const Operand<R>& b, const Operand<R>& c, int64_t vectors,
                           const Rows* rows, F f) {
  constexpr int W = width<R>;
  const R *x = a.at, *y = arity > 1 ? b.at : x, *z = arity > 2 ? c.at : x;
  const bool x_moves = a.step > 0, y_moves = arity > 1 ? b.step > 0 : x_moves,
             z_moves = arity > 2 ? c.step > 0 : x_moves;
  const int64_t n = vectors * W;
  for (int64_t row = 0;;) {
    if (x_moves && y_moves && z_moves) {
      ELMAN_UNROLL_2
      for (int64_t i = 0; i < n; i += W) store(to + i, f(load(x + i), load(y + i), load(z + i)));
    } else {
      const auto all = [](const Operand<R>& o, const R* at) { return o.step == one_element ? splat(*at) : load(at); };
      const vec<R> u = all(a, x), v = arity > 1 ? all(b, y) : u, w = arity > 2 ? all(c, z) : u;
      if (arity == 2 && y_moves) {
        ELMAN_UNROLL_2
        for (int64_t i = 0; i < n; i += W) store(to + i, f(u, load(y + i), w));
      } else if (arity == 2 && x_moves) {
        ELMAN_UNROLL_2
        for (int64_t i = 0; i < n; i += W) store(to + i, f(load(x + i), v, w));
      } else if (arity < 3) {
        const vec<R> same = f(u, v, w);
        for (int64_t i = 0; i < n; i += W) store(to + i, same);
      } else {
        for (int64_t i = 0; i < n;
             i += W)  // a product of two that stay is not taken out of the loop: it would be rounded there
          store(to + i, f(x_moves ? load(x + i) : settled(u), y_moves ? load(y + i) : v, z_moves ? load(z + i) : w));
      }
    }
    if (!rows || ++row == rows->count) return;
    to += rows->to;
    x += rows->a;
    y = arity > 1 ? y + rows->b : x;
    z = arity > 2 ? z + rows->c : x;
  }
}

#define ELMAN_STEP(arity, code, expression)                                                                            \
  template <class R>                                                                                                   \
  void step_##code(R* to, const Operand<R>& first, const Operand<R>& second, const Operand<R>& third, int64_t vectors, \
                   const Rows* rows) {                                                                                 \
    run_step<R, arity>(to, first, second, third, vectors, rows,                                                        \
                       []([[maybe_unused]] vec<R> a, [[maybe_unused]] vec<R> b, [[maybe_unused]] vec<R> c)             \
                           __attribute__((always_inline)) { return expression; });                                     \
  }
ELMAN_POINTWISE_CODES(ELMAN_STEP)
#undef ELMAN_STEP

#define ELMAN_STEP(arity, code, expression) step_##code<R>,
template <class R>
constexpr StepFunction<R> step_functions[] = {ELMAN_POINTWISE_CODES(ELMAN_STEP)};  // of all before first_row_code
#undef ELMAN_STEP

#define ELMAN_STEP(arity, code, expression) arity,
constexpr int operand_count[int(PointwiseCode::count_)] = {ELMAN_POINTWISE_CODES(ELMAN_STEP) 1, 1, 1, 1, 2};
#undef ELMAN_STEP

// The list above is in the order of the contract.
#define ELMAN_STEP(arity, code, expression) PointwiseCode::code,
constexpr PointwiseCode listed_codes[] = {ELMAN_POINTWISE_CODES(ELMAN_STEP)};
#undef ELMAN_STEP
constexpr bool codes_in_order() {
  int n = 0;
  for (PointwiseCode code : listed_codes)
    if (int(code) != n++) return false;
  return n == int(first_row_code) && n + 5 == int(PointwiseCode::count_);
}
static_assert(codes_in_order());

// Rows of `length` elements, whole vectors: where they lie, and from one to the next
template <class R>
struct RowsOf {
  const R* at;
  int64_t apart;
};
// to[row] = the result of row `row` of terms(a, b). Whole vectors are written.
template <class R, class Op, class Terms>
void reduce_rows(RowsOf<R> a, RowsOf<R> b, int64_t length, int64_t rows, R* to, Terms terms) {
  constexpr int W = width<R>;
  for (int64_t row = 0; row < rows; row += W, to += W) {
    const int here = int(rows - row < W ? rows - row : W);
    vec<R> x[W];
    for (int i = 0; i < here; ++i, a.at += a.apart, b.at += b.apart)
      x[i] = reduce_lanes<R, Op>(length,
                                 [&](int64_t n) __attribute__((always_inline)) { return terms(a.at + n, b.at + n); });
    store(to,
          across_each<R>(x, here, [](vec<R> a, vec<R> b) __attribute__((always_inline)) { return Op::join(a, b); }));
  }
}
template <class R>
void reduce_rows(PointwiseCode code, RowsOf<R> a, RowsOf<R> b, int64_t length, int64_t rows, R* to) {
  const auto first = [](const R* x, const R*) __attribute__((always_inline)) { return load(x); };
  const auto product = [](const R* x, const R* y) __attribute__((always_inline)) { return settled(load(x) * load(y)); };
  if (code == PointwiseCode::row_sum) return reduce_rows<R, Sum<R>>(a, a, length, rows, to, first);
  if (code == PointwiseCode::row_dot) return reduce_rows<R, Sum<R>>(a, b, length, rows, to, product);
  if (code == PointwiseCode::row_max) return reduce_rows<R, Maximum<R>>(a, a, length, rows, to, first);
  if (code == PointwiseCode::row_min) return reduce_rows<R, Minimum<R>>(a, a, length, rows, to, first);
  reduce_rows<R, Product<R>>(a, a, length, rows, to, first);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
