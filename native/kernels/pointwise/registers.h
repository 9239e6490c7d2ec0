// The registers of a program that runs, and what stands in them before the first step and goes out of them after the last.
#pragma once
#include "pointwise/lay.h"
#include "pointwise/operands.h"

namespace elman::ELMAN_TARGET {
namespace {

// At one part of the run
template <class R>
struct Registers {
  Operand<R> value[max_registers];
  int64_t apart[max_registers];  // of value, from row to row
  R* home[max_registers];  // where a step writes
  int64_t home_apart[max_registers];
  alignas(64) R single[max_registers][width<R>];  // the vector that serves all

  ELMAN_INLINE void repeat(uint8_t r, vec<R> all) {
    store(single[r], all);
    value[r] = {single[r], 0}, apart[r] = 0;
  }
};

// What is the same in every part
template <class R, bool compiled>
ELMAN_INLINE void begin(const Pointwise<R>& p, Registers<R>& registers) {
  for (int i = 0; i < p.n_constants; ++i) registers.repeat(p.constants[i].to, splat(R(p.constants[i].value)));
  for (int s = 0; !compiled && s < p.n_steps; ++s) {
    const uint8_t r = p.steps[s].to;
    registers.home[r] = p.scratch + p.laid->place[r], registers.home_apart[r] = p.laid->columns;
  }
}

// One element a row: gathered into a run, or a vector for each, which is what programs read that are compiled as a whole.
template <class R>
Operand<R> gather_one_a_row(const Pointwise<R>& p, int i, const Part& part, int64_t& apart) {
  constexpr int W = width<R>;
  const PointwiseInput& input = p.inputs[i];
  R* const own = p.scratch + p.laid->place[input.to];
  as_stored<R>(input.storage, p.in[i], [&](auto from) { gather_elements(own, from, input, part); });
  if (!whole(p)) return {own, one_element};
  for (int64_t row = part.rows; row-- > 0;) store(own + row * W, splat(own[row]));
  apart = W;
  return {own, 0};
}

// One that does not stand at even distances
template <class R>
__attribute__((noinline)) Operand<R> gather_input(const Pointwise<R>& p, int i, const Part& part, int64_t& apart) {
  const PointwiseInput& input = p.inputs[i];
  const Lies lies = p.laid->in[i].lies;
  if (lies == Lies::elements) return gather_one_a_row(p, i, part, apart);
  if (lies == Lies::anyhow) apart = part.columns;
  if (lies == Lies::blocks || (lies == Lies::anyhow && in_one_run(input, part)))
    return {(const R*)p.in[i] + offset_of(input, part.first), width<R>};
  R* const own = p.scratch + p.laid->place[input.to];
  const int64_t n = lies == Lies::vector ? width<R> : part.count();
  as_stored<R>(input.storage, p.in[i], [&](auto from) { gather(own, from, input, part.first, n); });
  return {own, lies == Lies::vector ? 0 : width<R>};
}

// Where inputs stand in a part
template <class R>
ELMAN_INLINE void read(const Pointwise<R>& p, const Part& part, Registers<R>& registers) {
  for (int i = 0; i < p.n_inputs; ++i) {
    const LaidOperand& at = p.laid->in[i];
    const uint8_t r = at.r;
    const R* const from = (const R*)p.in[i];
    registers.apart[r] = at.apart;
    if (at.lies == Lies::rows) registers.value[r] = {from + part.row * at.apart + part.column, width<R>};
    else if (at.lies == Lies::one) registers.repeat(r, splat(*from));
    else if (at.lies == Lies::run) registers.value[r] = {from + part.row, one_element};
    else registers.value[r] = gather_input(p, i, part, registers.apart[r]);
  }
}

// Where output o lies in a part
template <class R>
ELMAN_INLINE R* place_of(const Pointwise<R>& p, int o, const Part& part) {
  const LaidOperand& at = p.laid->out[o];
  const bool even = at.lies == Lies::rows;
  return (R*)p.out[o] + (even ? part.row * at.apart + part.column : offset_in_blocks(p.outputs[o], part.first));
}

// A result goes where it was not made.
template <class R>
__attribute__((noinline)) void write(const Pointwise<R>& p, int o, const Part& part, Operand<R> from, int64_t apart) {
  const PointwiseOutput& output = p.outputs[o];
  const Lies lies = p.laid->out[o].lies;
  if (lies == Lies::run || lies == Lies::elements)
    return as_stored<R>(output.storage, p.out[o], [&](auto to) { scatter_elements(to, from.at, apart, output, part); });
  const int64_t vectors = (part.columns + width<R> - 1) / width<R>;
  if (in_rows(lies) && part.columns % width<R> == 0) {
    const Rows rows{part.rows, p.laid->out[o].apart, apart, 0, 0};
    return step_copy<R>(place_of(p, o, part), from, from, from, vectors, &rows);
  }
  alignas(64) R copy[tile + width<R>];  // the last vector that is read may run over its end
  const Rows rows{part.rows, part.columns, apart, 0, 0};
  step_copy<R>(copy, from, from, from, vectors, &rows);
  as_stored<R>(output.storage, p.out[o], [&](auto to) { scatter(to, copy, output, part.first, part.count()); });
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
