// How the operands of a program lie: found once, for calls that differ in their pointers and in how many rows they take.
//
// A program is walked row by row: in the shortest rows of its operands where those are whole vectors, else as one row. What lies in
// such rows is read and written in place, and so is what has one element a row, side by side. Everything else is gathered into
// registers before the first step, and scattered from them after the last. Registers lie close together in the first cache, no two a
// multiple of 4 KiB apart, which a cache takes for the same place.
#pragma once
#include "pointwise/loop.h"

namespace elman::ELMAN_TARGET {
namespace {

// Whether it is compiled as a whole
template <class R>
bool whole(const Pointwise<R>& p) {
  return sizeof(R) == sizeof(float) && p.known >= 0;
}

// The shortest rows that operands have, whole vectors
template <class R, class Strided>
void see_rows(const Strided& operand, Laid& laid) {
  const int last = operand.axes - 1;
  const bool rows = last >= 1 && operand.storage == Storage::real && operand.stride[last] <= 1;
  if (!rows || operand.size[last] % width<R> || (laid.columns > 0 && operand.size[last] > laid.columns)) return;
  if (operand.size[last] != laid.columns) laid.block = 0;
  laid.columns = operand.size[last];
  if (laid.block == 0 && last > 1) laid.block = operand.size[last - 1];
}

// runs: what has one element a row can be read and written as a run of elements.
template <class R, class Strided>
LaidOperand lie(const Strided& operand, const Laid& laid, bool runs) {
  const int last = operand.axes - 1;
  const bool real = operand.storage == Storage::real;
  if (last < 0) return {real ? Lies::rows : Lies::anyhow, laid.columns};
  const int64_t size = operand.size[last], stride = operand.stride[last];
  if (stride == 0 && laid.columns > 0 && size % laid.columns == 0) {
    const bool run = runs && real && size == laid.columns && (last == 0 || (last == 1 && operand.stride[0] == 1));
    return {run ? Lies::run : Lies::elements, 1};
  }
  if (last == 0 || stride != 1 || !real || laid.columns == 0) return {Lies::anyhow, 0};
  if (size == laid.columns * laid.block) return {Lies::blocks, laid.columns};
  if (size != laid.columns || (last > 1 && operand.size[last - 1] != laid.block)) return {Lies::anyhow, 0};
  return {last == 1 ? Lies::rows : Lies::blocks, operand.stride[last - 1]};
}

// An input may also be one element, or a row so short that a vector holds it several times: then all vectors are the same.
template <class R>
LaidOperand lie_input(const PointwiseInput& input, const Laid& laid, bool runs) {
  const bool one = input.axes == 1 && input.stride[0] == 0;
  if (one) return {input.storage == Storage::real ? Lies::one : Lies::vector, 0};
  const bool short_row =
      input.axes == 2 && input.stride[0] == 0 && input.stride[1] == 1 && width<R> % input.size[1] == 0;
  const LaidOperand found = lie<R>(input, laid, runs);
  return short_row && found.lies == Lies::anyhow ? LaidOperand{Lies::vector, 0} : found;
}

inline bool in_place(Lies lies) { return lies < Lies::vector; }
inline bool in_rows(Lies lies) { return lies == Lies::rows || lies == Lies::blocks; }
inline uint64_t only(uint8_t r) { return uint64_t(1) << r; }
static_assert(max_registers <= 64);

ELMAN_INLINE bool reads(const PointwiseStep& step, uint8_t r) {
  const int n = operand_count[int(step.code)];
  return step.a == r || (n > 1 && step.b == r) || (n > 2 && step.c == r);
}

// Whether nobody reads input i once a step has written register r
template <class R>
bool read_before(const Pointwise<R>& p, int i, uint8_t r) {
  const uint8_t shared = p.inputs[i].to;
  bool written = false;
  for (int s = 0; s < p.n_steps; ++s) {
    if (written && reads(p.steps[s], shared)) return false;
    written = written || p.steps[s].to == r;
  }
  for (int o = 0; o < p.n_outputs; ++o)
    if (p.outputs[o].from == shared) return false;
  return true;
}

// Whether an output that lies in rows may be computed there. What is compiled as a whole reads all of a vector before it writes.
template <class R>
bool may_write_early(const Pointwise<R>& p, int o) {
  const PointwiseOutput& output = p.outputs[o];
  if (!output.in_place || (output.axes == 0 && whole(p))) return true;
  bool early = output.axes == 0;
  for (int i = 0; early && i < p.n_inputs; ++i) early = p.in[i] != p.out[o] || read_before(p, i, output.from);
  return early;
}

// Which outputs are made where they lie: of each register one, or as many as there are where all is compiled as a whole
template <class R>
void choose_direct(const Pointwise<R>& p, Laid& laid) {
  uint64_t left = 0;
  for (int s = 0; s < p.n_steps; ++s)
    if (!p.steps[s].narrow) left |= only(p.steps[s].to);
  for (int o = 0; o < p.n_outputs; ++o) {
    const uint64_t from = only(p.outputs[o].from);
    laid.out[o].direct = in_rows(laid.out[o].lies) && (left & from) && may_write_early(p, o);
    if (laid.out[o].direct && !whole(p)) left &= ~from;
  }
}

// Registers that hold something in every part, and those that do where a part ends inside a vector: of outputs that are made in place
// as long as vectors are whole.
template <class R>
void find_held(const Pointwise<R>& p, const Laid& laid, uint64_t& always, uint64_t& at_the_end) {
  uint64_t direct = 0, others = 0, made = 0;
  for (int o = 0; o < p.n_outputs; ++o) (laid.out[o].direct ? direct : others) |= only(p.outputs[o].from);
  for (int s = 0; s < p.n_steps; ++s) made |= only(p.steps[s].to);
  always = whole(p) ? others & made : made & ~direct;
  at_the_end = direct & ~always;
  for (int i = 0; i < p.n_inputs; ++i)
    if (!in_place(laid.in[i].lies)) always |= only(p.inputs[i].to);
}

// How much is walked at a time: as much as lets the registers that hold something stay in the first cache; all where none does, and
// nothing passes from step to step through memory.
template <class R>
void cut(const Pointwise<R>& p, Laid& laid, int held) {
  constexpr int64_t all = INT64_MAX, W = width<R>;
  const bool unbound = whole(p) && held == 0;
  int64_t most = register_bytes / int64_t(sizeof(R)) / (held > 0 ? held : 1) / W * W;
  if (most > tile) most = tile;
  if (laid.columns == 0) laid.part_rows = 1, laid.part_columns = unbound ? all : most;
  else laid.part_rows = unbound ? all : most / laid.columns, laid.part_columns = laid.columns;
  if (laid.part_rows == 0) {  // a row is longer; where rows are reduced, they stay in one piece
    laid.part_rows = 1;
    if (p.row == 0) laid.part_columns = most;
  }
  laid.at_once = unbound && laid.block == 0;
}

// Room for so many elements each, one behind the other, from `free` on
template <class R>
void place(uint64_t registers, int64_t most, Laid& laid, int32_t& free) {
  int64_t each = most + register_gap;
  if (each * int64_t(sizeof(R)) % 4096 == 0) each += register_gap;
  for (; registers; registers &= registers - 1, free += int32_t(each)) laid.place[__builtin_ctzll(registers)] = free;
}

// Whether all operands lie in place
template <class R>
bool lay(const Pointwise<R>& p, Laid& laid) {
  laid = {};
  laid.columns = p.row;
  for (int i = 0; i < p.n_inputs; ++i) see_rows<R>(p.inputs[i], laid);
  for (int o = 0; o < p.n_outputs; ++o) see_rows<R>(p.outputs[o], laid);
  bool all = true;
  for (int i = 0; i < p.n_inputs; ++i) {
    laid.in[i] = lie_input<R>(p.inputs[i], laid, !whole(p));
    laid.in[i].r = p.inputs[i].to;
    all = all && in_place(laid.in[i].lies);
  }
  for (int o = 0; o < p.n_outputs; ++o) {
    laid.out[o] = lie<R>(p.outputs[o], laid, !whole(p));
    laid.out[o].r = p.outputs[o].from;
    all = all && in_place(laid.out[o].lies);
  }
  choose_direct(p, laid);
  uint64_t always, at_the_end;
  find_held(p, laid, always, at_the_end);
  cut<R>(p, laid, __builtin_popcountll(always));
  int32_t free = 0;
  if (always) place<R>(always, laid.part_rows * laid.part_columns, laid, free);
  place<R>(at_the_end, longest_end, laid, free);
  return all;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
