// Programs whose operands are all walked in place: nothing is looked for or converted while they run.
//
// One that is compiled as a whole is one loop over it. Any other runs step by step over some rows at a time, or a part of a row:
// its registers lie close together in the first cache, no two a multiple of 4 KiB apart, which a cache takes for the same place.
// What has one element a row is a run of such elements, and a step on it does a vector of rows at once.
#pragma once
#include "pointwise/program.h"

namespace elman::ELMAN_TARGET {
namespace {

// Bytes of the first cache for the registers of a program that runs so, and elements between two of them
constexpr int64_t laid_bytes = 24 * 1024, between = 16;

// Whether each register that a step makes is an output's memory or gets a place of its own; finds those and how many rows fit.
template <class R>
bool lay_registers(const Pointwise<R>& p, Laid& laid) {
  constexpr int W = width<R>;
  uint64_t made = 0, narrow = 0, direct = 0;
  for (int i = 0; i < p.n_inputs; ++i) narrow |= uint64_t(laid.narrow[i]) << p.inputs[i].to;
  for (int s = 0; s < p.n_steps; ++s) {
    const PointwiseStep& step = p.steps[s];
    const uint64_t to = uint64_t(1) << step.to;
    made |= to;
    narrow = step.narrow ? narrow | to : narrow & ~to;
  }
  for (int o = 0; o < p.n_outputs; ++o) {
    const uint64_t from = uint64_t(1) << p.outputs[o].from;
    const bool one_a_row = laid.to_narrow[o];
    if (!(made & from) || one_a_row != bool(narrow & from)) return false;
    if (p.outputs[o].in_place && !may_write_early(p, o)) return false;
    laid.direct[o] = !one_a_row && !(direct & from);
    if (laid.direct[o]) direct |= from;
  }
  int64_t wide = 0;
  for (int r = 0; r < p.n_registers; ++r) wide += (made & ~direct) >> r & 1;
  const int64_t room = p.n_registers * (p.row > 0 ? tile : tile_of<R>(p.n_registers)),
                each = wide > 0 ? room / wide : tile;
  int64_t part = laid_bytes / int64_t(sizeof(R)) / (wide > 0 ? wide : 1);
  if (part > each - between) part = each - between;
  if (part > tile) part = tile;
  part -= part % W;
  laid.part_rows = laid.columns > 0 ? part / laid.columns : 0;
  laid.part_columns = part;
  if (laid.part_rows > 0) part = laid.part_rows * laid.columns;
  else if (p.row > 0) laid.part_rows = 1, part = p.row;
  if (part == 0) return false;
  int64_t free = 0;
  for (int r = 0; r < p.n_registers; ++r) {
    if (!((made & ~direct) >> r & 1)) continue;
    laid.place[r] = int32_t(free);
    free += part + between;
  }
  return free <= room;
}

template <class R>
bool lay(const Pointwise<R>& p, Laid& laid) {
  const bool whole = sizeof(R) == sizeof(float) && p.known >= 0;
  const Grid grid = grid_of(p);
  laid = {};
  laid.columns = grid.inner;
  const auto in_place = [&](const auto& operand, int64_t& apart) {
    apart = operand.axes == 0 ? grid.inner : operand.stride[0];
    const bool rows = operand.axes == 2 && operand.size[1] == grid.inner && grid.serves<R>(operand);
    return operand.storage == Storage::real && (operand.axes == 0 || rows);
  };
  const auto narrow = [&](const auto& operand, int64_t& apart) {
    const int last = operand.axes - 1;
    apart = 1;
    if (last < 0 || grid.inner == 0 || operand.stride[last] != 0 || operand.size[last] != grid.inner) return false;
    return operand.storage == Storage::real && (last == 0 || (last == 1 && operand.stride[0] == 1));
  };
  for (int i = 0; i < p.n_inputs; ++i) {
    const PointwiseInput& input = p.inputs[i];
    laid.repeated[i] = input.storage == Storage::real && input.axes == 1 && input.stride[0] == 0;
    if (laid.repeated[i]) continue;
    laid.narrow[i] = !whole && narrow(input, laid.apart[i]);
    if (!laid.narrow[i] && !in_place(input, laid.apart[i])) return false;
  }
  for (int o = 0; o < p.n_outputs; ++o) {
    const PointwiseOutput& output = p.outputs[o];
    laid.to_narrow[o] = !whole && narrow(output, laid.to_apart[o]);
    if (!laid.to_narrow[o] && !in_place(output, laid.to_apart[o])) return false;
    if (output.in_place && output.axes > 0) return false;
  }
  return whole || lay_registers(p, laid);
}

// One that is compiled as a whole
template <class R>
void run_laid(const Pointwise<R>& p) {
  constexpr int W = width<R>;
  const Laid& laid = *p.laid;
  Operand<R> value[max_registers];
  int64_t apart[max_registers];
  alignas(64) R single[max_known_constants + max_known_operands][W];
  R(*free)[W] = single;
  R* to[max_known_operands];
  const auto repeat = [&](uint8_t r, R number) {
    store(*free, splat(number));
    value[r] = {*free++, 0};
    apart[r] = 0;
  };
  for (int i = 0; i < p.n_constants; ++i) repeat(p.constants[i].to, R(p.constants[i].value));
  for (int i = 0; i < p.n_inputs; ++i) {
    const uint8_t r = p.inputs[i].to;
    const R* from = (const R*)p.in[i];
    if (laid.repeated[i]) repeat(r, *from);
    else value[r] = {from, W}, apart[r] = laid.apart[i];
  }
  for (int o = 0; o < p.n_outputs; ++o) to[o] = (R*)p.out[o];
  const bool one_row = laid.columns == 0;
  whole_functions<R>[p.known](value, apart, to, laid.to_apart, (one_row ? p.count : laid.columns) / W,
                              one_row ? 1 : p.count / laid.columns);
}

// Any other: the registers of a run
template <class R>
struct Registers {
  Operand<R> value[max_registers];
  int64_t apart[max_registers];  // of value, from row to row; 1: one element a row
  R* home[max_registers];  // where a step writes
  int64_t home_apart[max_registers];

  // One step on `rows` rows of `columns`
  ELMAN_INLINE void run(const PointwiseStep& step, int64_t rows, int64_t columns) {
    constexpr int W = width<R>;
    const int n = operand_count[int(step.code)];
    const uint8_t first = step.a, second = n > 1 ? step.b : first, third = n > 2 ? step.c : first;
    const Operand<R>&a = value[first], &b = value[second], &c = value[third];
    R* const to = home[step.to];
    if (step.code >= first_row_code) {
      reduce(step.code, first, rows, columns, to);
    } else if (step.narrow) {
      const auto one = [&](uint8_t r) { return Operand<R>{value[r].at, apart[r] ? W : one_element}; };
      step_functions<R>[int(step.code)](to, one(first), one(second), one(third), (rows + W - 1) / W, nullptr);
    } else {
      const int64_t to_apart = home_apart[step.to];
      const Rows each{rows, to_apart, apart[first], apart[second], apart[third]};
      const auto along = [&](const Operand<R>& x, int64_t x_apart) { return x_apart == (x.step > 0 ? columns : 0); };
      const bool flat = rows == 1 || (to_apart == columns && along(a, each.a) && along(b, each.b) && along(c, each.c));
      step_functions<R>[int(step.code)](to, a, b, c, (flat ? rows* columns : columns) / W, flat ? nullptr : & each);
      value[step.to] = {to, W}, apart[step.to] = to_apart;
      return;
    }
    value[step.to] = {to, one_element}, apart[step.to] = 1;
  }

 private:
  ELMAN_INLINE void reduce(PointwiseCode code, uint8_t r, int64_t rows, int64_t columns, R* to) {
    if (value[r].step > 0) return reduce_rows(code, value[r].at, apart[r], columns, rows, to);
    alignas(64) R row[tile];
    for (int64_t i = 0; i < rows; ++i) {
      const Operand<R> one{value[r].at + i * apart[r], one_element};
      R made[width<R>];
      step_copy<R>(row, one, one, one, columns / width<R>, nullptr);
      reduce_rows(code, row, columns, columns, 1, made);
      to[i] = made[0];
    }
  }
};

template <class R>
void run_laid_steps(const Pointwise<R>& p) {
  constexpr int W = width<R>;
  const Laid& laid = *p.laid;
  const int64_t columns = laid.columns > 0 ? laid.columns : p.count, all_rows = p.count / columns;
  const bool cut = laid.part_rows == 0;  // rows into parts
  const int64_t most_rows = cut ? 1 : laid.part_rows, most_columns = cut ? laid.part_columns : columns;
  Registers<R> r;
  R number[max_registers];
  for (int i = 0; i < p.n_constants; ++i) {
    const uint8_t to = p.constants[i].to;
    number[to] = R(p.constants[i].value);
    r.value[to] = {number + to, one_element}, r.apart[to] = 0;
  }
  for (int s = 0; s < p.n_steps; ++s) {
    const uint8_t to = p.steps[s].to;
    r.home[to] = p.scratch + laid.place[to], r.home_apart[to] = most_columns;
  }
  for (int64_t row = 0; row < all_rows; row += most_rows) {
    const int64_t rows = all_rows - row < most_rows ? all_rows - row : most_rows;
    for (int64_t column = 0; column < columns; column += most_columns) {
      const int64_t here = columns - column < most_columns ? columns - column : most_columns;
      for (int i = 0; i < p.n_inputs; ++i) {
        const uint8_t to = p.inputs[i].to;
        const bool wide = !laid.repeated[i] && !laid.narrow[i];
        r.apart[to] = laid.repeated[i] ? 0 : laid.columns > 0 ? laid.apart[i] : columns;
        r.value[to] = {(const R*)p.in[i] + row * r.apart[to] + (wide ? column : 0), wide ? W : one_element};
      }
      for (int o = 0; o < p.n_outputs; ++o) {
        if (!laid.direct[o]) continue;
        const uint8_t from = p.outputs[o].from;
        r.home_apart[from] = laid.columns > 0 ? laid.to_apart[o] : columns;
        r.home[from] = (R*)p.out[o] + row * r.home_apart[from] + column;
      }
      for (int s = 0; s < p.n_steps; ++s) r.run(p.steps[s], rows, here);
      for (int o = 0; o < p.n_outputs; ++o) {
        if (laid.direct[o]) continue;
        const uint8_t from = p.outputs[o].from;
        R* const to = (R*)p.out[o];
        if (laid.to_narrow[o]) {
          for (int64_t i = 0; i < rows; ++i) to[row + i] = r.value[from].at[i];
          continue;
        }
        const Operand<R>& value = r.value[from];  // a second copy
        const int64_t to_apart = laid.columns > 0 ? laid.to_apart[o] : columns;
        const Rows each{rows, to_apart, r.apart[from], 0, 0};
        step_copy<R>(to + row * to_apart + column, value, value, value, here / W, &each);
      }
    }
  }
}

template <class R>
void pointwise(const Pointwise<R>& p) {
  if (p.count == 0) return;
  if (p.laid != nullptr && (p.laid->columns > 0 || p.count % width<R> == 0)) {
    if (sizeof(R) == sizeof(float) && p.known >= 0) return run_laid(p);
    return run_laid_steps(p);
  }
  const Grid grid = grid_of(p);
  if (grid.inner > 0) run_program<R, true>(p, grid);
  else run_program<R, false>(p, grid);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
