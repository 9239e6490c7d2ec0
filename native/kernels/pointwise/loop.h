// One pointwise step over the rows and vectors of a tile: a function per code, all of one type, in a table by code.
#pragma once
#include "pointwise/arithmetic.h"
#include "reduction/reduce.h"

namespace elman::ELMAN_TARGET {
namespace {

// A register as an operand: vector i at at + i * step; step is width, or 0 when one vector serves the whole tile.
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
  const int64_t x_step = a.step, y_step = arity > 1 ? b.step : x_step, z_step = arity > 2 ? c.step : x_step;
  for (int64_t row = 0;;) {
    if (x_step && y_step && z_step) {
      ELMAN_UNROLL_2
      for (int64_t i = 0; i < vectors * W; i += W) store(to + i, f(load(x + i), load(y + i), load(z + i)));
    } else {
      const R *u = x, *v = y, *w = z;
      for (int64_t i = 0; i < vectors * W; i += W, u += x_step, v += y_step, w += z_step)
        store(to + i, f(load(u), load(v), load(w)));
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
constexpr int operand_count[int(PointwiseCode::count_)] = {ELMAN_POINTWISE_CODES(ELMAN_STEP) 1, 1, 1, 1};
#undef ELMAN_STEP

// The list above is in the order of the contract.
#define ELMAN_STEP(arity, code, expression) PointwiseCode::code,
constexpr PointwiseCode listed_codes[] = {ELMAN_POINTWISE_CODES(ELMAN_STEP)};
#undef ELMAN_STEP
constexpr bool codes_in_order() {
  int n = 0;
  for (PointwiseCode code : listed_codes)
    if (int(code) != n++) return false;
  return n == int(first_row_code) && n + 4 == int(PointwiseCode::count_);
}
static_assert(codes_in_order());

// to[row * width, + width) = the result of row `row` of `length` elements, rows `apart` elements from one to the next. `to` may be
// where the rows lie.
template <class R, class Op>
void reduce_rows(const R* from, int64_t apart, int64_t length, int64_t rows, R* to) {
  for (int64_t row = 0; row < rows; ++row, from += apart, to += width<R>)
    store(to, splat(reduce_row<R, Op>(from, length)));
}
template <class R>
void reduce_rows(PointwiseCode code, const R* from, int64_t apart, int64_t length, int64_t rows, R* to) {
  if (code == PointwiseCode::row_sum) return reduce_rows<R, Sum<R>>(from, apart, length, rows, to);
  if (code == PointwiseCode::row_max) return reduce_rows<R, Maximum<R>>(from, apart, length, rows, to);
  if (code == PointwiseCode::row_min) return reduce_rows<R, Minimum<R>>(from, apart, length, rows, to);
  reduce_rows<R, Product<R>>(from, apart, length, rows, to);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
