// A pointwise program: some rows at a time, or a piece of one, whose registers stay in the first cache.
//
// Of each part, what does not lie in place is gathered; then it runs step by step, every step over the whole part before the next, or
// as a whole where it was compiled so (whole.h); then results that do not lie in place are scattered.
#pragma once
#include "pointwise/registers.h"
#include "pointwise/whole.h"

namespace elman::ELMAN_TARGET {
namespace {

// What is compiled as a whole, over a part
template <class R>
ELMAN_INLINE void run_whole(const Pointwise<R>& p, const Part& part, const Registers<R>& registers) {
  constexpr int W = width<R>;
  R* to[max_known_operands];
  int64_t apart[max_known_operands];
  bool elsewhere = false;
  for (int o = 0; o < p.n_outputs; ++o) {
    const bool there = p.laid->out[o].direct && part.columns % W == 0;
    to[o] = there ? place_of(p, o, part) : p.scratch + p.laid->place[p.laid->out[o].r];
    apart[o] = there ? p.laid->out[o].apart : part.columns;
    elsewhere = elsewhere || !there;
  }
  whole_functions<R>[p.known](registers.value, registers.apart, to, apart, uint64_t(part.columns + W - 1) / W,
                              part.rows);
  for (int o = 0; elsewhere && o < p.n_outputs; ++o)
    if (!p.laid->out[o].direct || part.columns % W) write<R>(p, o, part, {to[o], W}, apart[o]);
}

// to[row] = what a row comes down to, or a row of each of two, where it may be one element, or one vector
template <class R>
__attribute__((noinline)) void reduce_repeated(PointwiseCode code, const Part& part, Operand<R> a, int64_t a_apart,
                                               Operand<R> b, int64_t b_apart, R* to) {
  constexpr int W = width<R>;
  alignas(64) R rows[2][tile];
  for (int64_t i = 0; i < part.rows; ++i, a.at += a_apart, b.at += b_apart) {
    R made[W];
    step_copy<R>(rows[0], a, a, a, part.columns / W, nullptr);
    step_copy<R>(rows[1], b, b, b, part.columns / W, nullptr);
    reduce_rows<R>(code, {rows[0], part.columns}, {rows[1], part.columns}, part.columns, 1, made);
    to[i] = made[0];
  }
}

// Whether it has one element a row, and reduces none
ELMAN_INLINE bool along_rows(const PointwiseStep& step) { return step.narrow && step.code < first_row_code; }

template <class R>
ELMAN_INLINE void run_step(const PointwiseStep& step, const Part& part, Registers<R>& r) {
  constexpr int W = width<R>;
  const int n = operand_count[int(step.code)];
  const uint8_t first = step.a, second = n > 1 ? step.b : first, third = n > 2 ? step.c : first;
  const Operand<R>&a = r.value[first], &b = r.value[second], &c = r.value[third];
  R* const to = r.home[step.to];
  if (step.code >= first_row_code) {
    if (a.step > 0 && b.step > 0)
      reduce_rows<R>(step.code, {a.at, r.apart[first]}, {b.at, r.apart[second]}, part.columns, part.rows, to);
    else reduce_repeated(step.code, part, a, r.apart[first], b, r.apart[second], to);
    r.value[step.to] = {to, one_element}, r.apart[step.to] = 1;
    return;
  }
  const Rows rows{part.rows, r.home_apart[step.to], r.apart[first], r.apart[second], r.apart[third]};
  const auto along = [&](const Operand<R>& x, int64_t apart) { return apart == (x.step > 0 ? part.columns : 0); };
  const bool one_long_row =
      part.rows == 1 || (rows.to == part.columns && along(a, rows.a) && along(b, rows.b) && along(c, rows.c));
  const int64_t columns = one_long_row ? part.count() : part.columns;
  step_functions<R>[int(step.code)](to, a, b, c, (columns + W - 1) / W, one_long_row ? nullptr : & rows);
  r.value[step.to] = {to, W}, r.apart[step.to] = rows.to;
}

// A step with one element a row
template <class R, PointwiseCode code, int arity>
ELMAN_INLINE void run_narrow(const PointwiseStep& step, int64_t rows, const Registers<R>& r) {
  constexpr int W = width<R>;
  const uint8_t first = step.a, second = arity > 1 ? step.b : first, third = arity > 2 ? step.c : first;
  const R *a = r.value[first].at, *b = r.value[second].at, *c = r.value[third].at;
  const auto ahead = [&](uint8_t of) { return r.apart[of] ? W : 0; };
  const int a_step = ahead(first), b_step = ahead(second), c_step = ahead(third);
  R* const to = r.home[step.to];
  for (int64_t row = 0; row < rows; row += W, a += a_step, b += b_step, c += c_step)
    store(to + row, apply<code>::template to<R>(load(a), load(b), load(c)));
}
// Such steps as long as they follow each other: they are of few vectors, for which calls would take longer than the arithmetic.
// The step behind the last
template <class R>
__attribute__((noinline)) int run_narrow(const Pointwise<R>& p, int s, int64_t rows, Registers<R>& r) {
  do {
    const PointwiseStep& step = p.steps[s];
    switch (step.code) {
#define ELMAN_STEP(arity, name, expression)                   \
  case PointwiseCode::name:                                   \
    run_narrow<R, PointwiseCode::name, arity>(step, rows, r); \
    break;
      ELMAN_POINTWISE_CODES(ELMAN_STEP)
#undef ELMAN_STEP
      default:
        break;
    }
    r.value[step.to] = {r.home[step.to], one_element}, r.apart[step.to] = 1;
  } while (++s < p.n_steps && along_rows(p.steps[s]));
  return s;
}

// Step by step, every step over the whole part before the next
template <class R>
ELMAN_INLINE void run_steps(const Pointwise<R>& p, const Part& part, Registers<R>& r) {
  const bool vectors = part.columns % width<R> == 0;
  for (int o = 0; o < p.n_outputs; ++o) {
    if (!p.laid->out[o].direct) continue;
    const uint8_t from = p.laid->out[o].r;
    r.home[from] = vectors ? place_of(p, o, part) : p.scratch + p.laid->place[from];
    r.home_apart[from] = vectors ? p.laid->out[o].apart : part.columns;
  }
  for (int s = 0; s < p.n_steps;) {
    if (along_rows(p.steps[s])) s = run_narrow(p, s, part.rows, r);
    else run_step(p.steps[s++], part, r);
  }
  for (int o = 0; o < p.n_outputs; ++o) {
    const uint8_t from = p.laid->out[o].r;
    if (!p.laid->out[o].direct || !vectors) write(p, o, part, r.value[from], r.apart[from]);
  }
}

// All rows, or all as one row
template <class R>
ELMAN_INLINE Part all_of(const Pointwise<R>& p) {
  const int64_t columns = p.laid->columns;
  if (columns == 0) return {.rows = 1, .columns = p.count};
  return {.rows = p.count / columns, .columns = columns};
}

// As many rows, and of each as much, as a part takes from where it begins. One that ends inside a vector is short enough for registers.
template <class R>
ELMAN_INLINE void fill(Part& part, const Laid& laid, int64_t rows, int64_t columns) {
  part.rows = rows - part.row < laid.part_rows ? rows - part.row : laid.part_rows;
  if (laid.block > 0) {
    const int64_t left = laid.block - part.row % laid.block;
    if (left < part.rows) part.rows = left;
  }
  part.columns = columns - part.column < laid.part_columns ? columns - part.column : laid.part_columns;
  if (part.columns > longest_end) part.columns -= part.columns & (width<R> - 1);
}
// To where the part that follows begins; false: there is none.
ELMAN_INLINE bool follow(Part& part, int64_t count, int64_t columns) {
  part.first += part.count();
  part.column += part.columns;
  if (part.column == columns) part.column = 0, part.row += part.rows;
  return part.first < count;
}

// A function for each way: one that did both would keep what it counts in memory.
template <class R, bool compiled>
__attribute__((noinline)) void run_parts(const Pointwise<R>& p) {
  Registers<R> registers;
  begin<R, compiled>(p, registers);
  const Part all = all_of(p);
  Part part;
  do {
    fill<R>(part, *p.laid, all.rows, all.columns);
    read(p, part, registers);
    if constexpr (compiled) run_whole(p, part, registers);
    else run_steps(p, part, registers);
  } while (follow(part, p.count, all.columns));
}
// One part where all lies in rows and needs no registers: a loop over time asks for little more than this.
template <class R>
__attribute__((noinline)) void run_at_once(const Pointwise<R>& p) {
  Registers<R> registers;
  begin<R, true>(p, registers);
  const Laid& laid = *p.laid;
  for (int i = 0; i < p.n_inputs; ++i) {
    const LaidOperand& at = laid.in[i];
    const R* const from = (const R*)p.in[i];
    if (at.lies == Lies::one) registers.repeat(at.r, splat(*from));
    else registers.value[at.r] = {from, width<R>}, registers.apart[at.r] = at.apart;
  }
  R* to[max_known_operands];
  int64_t apart[max_known_operands];
  for (int o = 0; o < p.n_outputs; ++o) to[o] = (R*)p.out[o], apart[o] = laid.out[o].apart;
  const Part all = all_of(p);
  whole_functions<R>[p.known](registers.value, registers.apart, to, apart, all.columns / width<R>, all.rows);
}

template <class R>
void pointwise(const Pointwise<R>& p) {
  if (p.count == 0) return;
  if constexpr (sizeof(R) == sizeof(float)) {
    if (p.laid->at_once && p.count % width<R> == 0) return run_at_once(p);
    if (whole(p)) return run_parts<R, true>(p);
  }
  run_parts<R, false>(p);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
