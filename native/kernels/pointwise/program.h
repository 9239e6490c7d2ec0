// A pointwise program: tile by tile, every step over the whole tile before the next.
//
// A tile of registers stays in the first cache. Nothing is copied that can be read or written in place: contiguous inputs are
// read where they are, a constant or scalar is one vector, and the register an output takes is the output's own memory, except
// in a last tile that ends inside a vector and where the buffer is also an input that is still to be read. Operands of rows that lie
// apart (a gate's columns in a product) are read and written in place too, where rows are whole vectors: a tile is then some
// rows (`Grid`), or a part of one.
//
// Programs that reduce rows (`row`) have whole rows in a tile. A narrow register holds a vector a row, of one number: an operand of
// step 0 whose rows are one vector apart.
#pragma once
#include "pointwise/whole.h"

namespace elman::ELMAN_TARGET {
namespace {

// to[0, n) = from[0], from[stride], ...
template <class R>
ELMAN_INLINE void convert(R* to, const R* from, int64_t stride, int64_t n) {
  constexpr int W = width<R>;
  int64_t i = 0;
  if (stride == 1) {
    for (; i + W <= n; i += W) store(to + i, load(from + i));
    if (i < n) store_partial(to + i, load(from + i), int(n - i));
  } else if (stride == 0) {
    const vec<R> x = splat(from[0]);
    for (; i + W <= n; i += W) store(to + i, x);
    if (i < n) store_partial(to + i, x, int(n - i));
  } else {
    for (; i < n; ++i) to[i] = from[i * stride];
  }
}
template <class R>
ELMAN_INLINE void convert(R* to, const int32_t* from, int64_t stride, int64_t n) {
  constexpr int W = width<R>;
  typedef int32_t whole __attribute__((vector_size(W * sizeof(int32_t))));
  int64_t i = 0;
  if (stride == 1)
    for (; i + W <= n; i += W) {
      whole numbers;
      __builtin_memcpy(&numbers, from + i, sizeof numbers);
      store(to + i, __builtin_convertvector(numbers, vec<R>));
    }
  if (stride == 0)
    for (const vec<R> x = splat(R(from[0])); i + W <= n; i += W) store(to + i, x);
  for (; i < n; ++i) to[i] = R(from[i * stride]);
}

// f(at, run): elements first, first + 1, ..., n of them, of a strided operand: `run` from offset `at` on along its last axis
template <class Strided, class F>
ELMAN_INLINE void walk(const Strided& operand, int64_t first, int64_t n, F f) {
  const int inner = operand.axes - 1;
  int64_t index[max_axes] = {}, at = 0, rest = first;
  for (int axis = inner; axis >= 0 && rest > 0; --axis) {
    index[axis] = axis ? rest % operand.size[axis] : rest;
    rest /= operand.size[axis];
    at += index[axis] * operand.stride[axis];
  }
  while (true) {
    const int64_t left = operand.size[inner] - index[inner], run = left < n ? left : n;
    f(at, run);
    n -= run;
    if (n <= 0) return;
    at -= index[inner] * operand.stride[inner];
    index[inner] = 0;
    for (int axis = inner - 1; axis >= 0; --axis) {
      at += operand.stride[axis];
      if (++index[axis] < operand.size[axis] || axis == 0) break;
      at -= index[axis] * operand.stride[axis];
      index[axis] = 0;
    }
  }
}

template <class R, class S>
void fill(R* to, const S* from, const PointwiseInput& input, int64_t first, int64_t n) {
  const int64_t stride = input.stride[input.axes - 1];
  walk(input, first, n, [&](int64_t at, int64_t run) {
    convert(to, from + at, stride, run);
    to += run;
  });
}

// The rows that strided operands share: `inner` elements each, `block` of them at even distances. inner 0: there are none.
struct Grid {
  int64_t inner = 0, block = 0;

  template <class R, class Strided>
  bool serves(const Strided& operand) const {
    const int last = operand.axes - 1;
    if (inner == 0 || last < 1 || operand.storage != Storage::real || operand.stride[last] != 1) return false;
    if (operand.size[last] != inner) return operand.size[last] == inner * block;
    return last == 1 || operand.size[last - 1] == block;
  }
  // Whether an operand has one element a row
  template <class Strided>
  bool narrow(const Strided& operand) const {
    const int last = operand.axes - 1;
    return inner > 0 && last >= 1 && operand.storage == Storage::real && operand.stride[last] == 0 &&
           operand.size[last] == inner;
  }
  // From row to row of an operand that it serves, which may have a block in one piece
  template <class Strided>
  int64_t apart(const Strided& operand) const {
    const int last = operand.axes - 1;
    return operand.size[last] == inner ? operand.stride[last - 1] : inner;
  }
  // The shortest rows of the operands could lie so
  template <class R, class Strided>
  void see(const Strided& operand) {
    const int last = operand.axes - 1;
    const bool rows = last >= 1 && operand.storage == Storage::real && operand.stride[last] <= 1;
    if (!rows || operand.size[last] % width<R> || (inner > 0 && operand.size[last] > inner)) return;
    if (operand.size[last] != inner) block = 0;
    inner = operand.size[last];
    if (block == 0 && last > 1) block = operand.size[last - 1];
  }
};

// A part of the elements: `rows` of `columns` each, from element `first` on
struct Part {
  int64_t first, rows, columns;
  int64_t count() const { return rows * columns; }
};

inline Part part_of(const Grid& grid, int64_t first, int64_t count, int64_t tile) {
  const int64_t left = count - first, inner = grid.inner;
  if (inner == 0) return {first, 1, left < tile ? left : tile};
  const int64_t row = first / inner, column = first - row * inner;
  if (inner >= tile) return {first, 1, inner - column < tile ? inner - column : tile};
  int64_t rows = left / inner < tile / inner ? left / inner : tile / inner;
  if (grid.block > 0 && grid.block - row % grid.block < rows) rows = grid.block - row % grid.block;
  return {first, rows, inner};
}

// Elements from an operand's start to element `first`
template <class Strided>
ELMAN_INLINE int64_t offset_of(const Strided& operand, int64_t first) {
  int64_t at = 0;
  for (int axis = operand.axes - 1; axis > 0 && first > 0; --axis) {
    const int64_t rest = first / operand.size[axis];
    at += (first - rest * operand.size[axis]) * operand.stride[axis];
    first = rest;
  }
  return at + first * operand.stride[0];
}

// f(row, at): where in a narrow operand the element of each row of a part lies
template <class Strided, class F>
ELMAN_INLINE void each_row(const Strided& operand, const Part& part, F f) {
  const int64_t at = offset_of(operand, part.first);
  for (int64_t row = 0; row < part.rows; ++row)
    f(row, operand.axes <= 2 ? at + row * (operand.axes == 2 ? operand.stride[0] : 0)
                             : offset_of(operand, part.first + row * part.columns));
}

// Where the operand of this tile lies, and how far its rows are apart. A tile that has to be made goes to `own`, the register's
// memory; a single vector that serves all of it to `single`, which no step writes.
template <class R>
__attribute__((noinline)) Operand<R> make_operand(const PointwiseInput& input, const void* in, R* own, R* single,
                                                  const Grid& grid, const Part& part, int64_t& apart) {
  const R* from = (const R*)in;
  const int64_t first = part.first, n = part.count();
  if (grid.serves<R>(input)) {
    apart = grid.apart(input);
    return {from + offset_of(input, first), width<R>};
  }
  if (grid.narrow(input)) {
    apart = width<R>;
    each_row(input, part, [&](int64_t row, int64_t at) { store(own + row * apart, splat(from[at])); });
    return {own, 0};
  }
  if (input.storage == Storage::index) {
    if (input.axes == 0) convert(own, (const int32_t*)in + first, 1, n);
    else fill(own, (const int32_t*)in, input, first, n);
    return {own, width<R>};
  }
  if (input.axes == 1 && input.stride[0] == 0) {
    apart = 0;
    store(single, splat(from[0]));
    return {single, 0};
  }
  if (input.axes == 2 && input.stride[0] == 0 && input.stride[1] == 1) {
    const int64_t column = first % input.size[1];
    if (column + n <= input.size[1]) return {from + column, width<R>};
    if (width<R> % input.size[1] == 0) {  // every vector is the same
      apart = 0;
      fill(single, from, input, first, width<R>);
      return {single, 0};
    }
  }
  fill(own, from, input, first, n);
  return {own, width<R>};
}

ELMAN_INLINE bool reads(const PointwiseStep& step, uint8_t r) {
  const int n = operand_count[int(step.code)];
  return step.a == r || (n > 1 && step.b == r) || (n > 2 && step.c == r);
}

// Whether an output that shares its buffer with inputs may be computed there: nobody reads those inputs after the first write.
template <class R>
bool may_write_early(const Pointwise<R>& p, int output) {
  const uint8_t from = p.outputs[output].from;
  int write = 0;
  while (write < p.n_steps && p.steps[write].to != from) ++write;
  for (int i = 0; i < p.n_inputs; ++i) {
    if (p.in[i] != p.out[output]) continue;
    const uint8_t shared = p.inputs[i].to;
    bool replaced = false;
    for (int s = 0; s < p.n_steps && !replaced; ++s) {
      const PointwiseStep& step = p.steps[s];
      if (s > write && reads(step, shared)) return false;
      replaced = step.to == shared;
    }
    for (int o = 0; o < p.n_outputs && !replaced; ++o)
      if (p.outputs[o].from == shared) return false;
  }
  return true;
}

// A register's elements from `done` on to n places `stride` apart
template <class R>
ELMAN_INLINE void write_run(int32_t* to, int64_t stride, const Operand<R>& value, int64_t done, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i * stride] = int32_t(__builtin_rint(double(value.at[value.step ? done + i : 0])));
}
template <class R>
ELMAN_INLINE void write_run(R* to, int64_t stride, const Operand<R>& value, int64_t done, int64_t n) {
  constexpr int W = width<R>;
  const R* from = value.at + (value.step ? done : 0);
  if (stride != 1) {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = from[value.step ? i : 0];
    return;
  }
  for (; n >= W; n -= W, to += W, from += value.step) store(to, load(from));
  if (n > 0) store_partial(to, load(from), int(n));
}

// Rows of a register `apart`
template <class R, class S>
ELMAN_INLINE void write(const PointwiseOutput& output, S* out, Operand<R> value, int64_t apart, const Part& part) {
  const int64_t stride = output.axes ? output.stride[output.axes - 1] : 1;
  if (stride == 0) {  // narrow
    each_row(output, part,
             [&](int64_t row, int64_t at) { write_run<R>(out + at, 1, {value.at + row * apart, 0}, 0, 1); });
    return;
  }
  int64_t first = part.first;
  for (int64_t row = 0; row < part.rows; ++row, first += part.columns, value.at += value.step ? apart : 0) {
    if (output.axes == 0) {
      write_run<R>(out + first, 1, value, 0, part.columns);
      continue;
    }
    int64_t done = 0;
    walk(output, first, part.columns, [&](int64_t at, int64_t run) {
      write_run<R>(out + at, stride, value, done, run);
      done += run;
    });
  }
}
template <class R>
__attribute__((noinline)) void write(const PointwiseOutput& output, void* out, const Operand<R>& value, int64_t apart,
                                     const Part& part) {
  if (output.storage == Storage::index) write(output, (int32_t*)out, value, apart, part);
  else write(output, (R*)out, value, apart, part);
}

// Elements of the shortest row that is reduced: a vector of any target
constexpr int shortest_row = 16;
// Elements of a tile where nothing lies in the memory of registers
constexpr int64_t longest_tile = 8192;

// All steps, tile by tile. by_rows: some operands are read or written in rows that lie apart.
template <class R, bool by_rows>
void run_program(const Pointwise<R>& p, const Grid& grid) {
  constexpr int W = width<R>;
  Operand<R> value[max_registers];
  int64_t apart[max_registers];  // from row to row, with by_rows
  alignas(64) R single[max_registers][W];
  uint8_t output_of[max_registers];  // for the registers of `direct`, whose steps write an output's memory
  uint64_t direct = 0;
  static_assert(max_registers <= 64);
  R* const scratch = p.scratch;
  const int n_inputs = p.n_inputs, n_steps = p.n_steps, n_outputs = p.n_outputs;
  for (int i = 0; i < p.n_constants; ++i) {
    const uint8_t r = p.constants[i].to;
    store(single[r], splat(R(p.constants[i].value)));
    value[r] = {single[r], 0};
    apart[r] = 0;
  }
  const bool whole =
      sizeof(R) == sizeof(float) && p.known >= 0;  // reads all of a vector before it writes, and makes every output
  uint64_t made = 0;
  if (!whole)
    for (int s = 0; s < n_steps; ++s) made |= uint64_t(1) << p.steps[s].to;
  for (int o = 0; o < n_outputs; ++o) {
    const PointwiseOutput& output = p.outputs[o];
    const bool early = !output.in_place || whole || may_write_early(p, o);
    const bool there = output.axes == 0 ? output.storage == Storage::real && early
                                        : by_rows && grid.serves<R>(output) && !output.in_place;
    if (!there || !(whole || made >> output.from & 1)) continue;  // nobody makes an output that is an input
    direct |= uint64_t(1) << output.from;
    output_of[output.from] = uint8_t(o);
  }

  const auto in_place = [&](const PointwiseInput& input) {
    if (by_rows && grid.serves<R>(input)) return true;
    return input.storage == Storage::real && (input.axes == 0 || (input.axes == 1 && input.stride[0] == 0));
  };
  bool placed = whole && (by_rows || p.count % W == 0);
  for (int o = 0; o < n_outputs; ++o) placed = placed && direct >> p.outputs[o].from & 1;
  for (int i = 0; i < n_inputs; ++i) placed = placed && in_place(p.inputs[i]);
  const int64_t tile = p.row > 0 ? elman::tile : placed ? longest_tile : tile_of<R>(p.n_registers);
  Part part;
  for (int64_t first = 0; first < p.count; first += part.count()) {
    part =
        by_rows ? part_of(grid, first, p.count, tile) : Part{first, 1, p.count - first < tile ? p.count - first : tile};
    const int64_t columns = part.columns, vectors = (part.count() + W - 1) / W;
    const auto run = [&](const PointwiseStep& step, R* to, int64_t to_apart) __attribute__((always_inline)) {
      const Operand<R>&a = value[step.a], &b = value[step.b], &c = value[step.c];
      if (by_rows && step.code >= first_row_code) {
        const R* from = a.at;
        int64_t from_apart = apart[step.a];
        if (!a.step) {
          const Rows rows{part.rows, columns, from_apart, 0, 0};
          step_copy<R>(to, a, a, a, columns / W, &rows);
          from = to, from_apart = columns;
        }
        R each[elman::tile / shortest_row + W];
        reduce_rows(step.code, from, from_apart, columns, part.rows, each);
        for (int64_t row = 0; row < part.rows; ++row) store(to + row * W, splat(each[row]));
        return;
      }
      const StepFunction<R> function = step_functions<R>[int(step.code)];
      if constexpr (by_rows) {  // what lies without gaps is one long row
        const int n = operand_count[int(step.code)];
        if (step.narrow) {
          const auto one = [&](uint8_t r) { return Operand<R>{value[r].at, apart[r]}; };
          return function(to, one(step.a), one(n > 1 ? step.b : step.a), one(n > 2 ? step.c : step.a), part.rows,
                          nullptr);
        }
        const Rows rows{part.rows, to_apart, apart[step.a], n > 1 ? apart[step.b] : 0, n > 2 ? apart[step.c] : 0};
        const auto along = [&](const Operand<R>& x, int64_t x_apart) {
          return x.step ? x_apart == columns : x_apart == 0;
        };
        const bool whole =
            to_apart == columns && along(a, rows.a) && (n < 2 || along(b, rows.b)) && (n < 3 || along(c, rows.c));
        if (!whole) return function(to, a, b, c, columns / W, &rows);
      }
      function(to, a, b, c, vectors, nullptr);
    };
    const uint64_t direct_now = columns % W ? 0 : direct;  // a step writes whole vectors
    for (int i = 0; i < n_inputs; ++i) {
      const PointwiseInput& input = p.inputs[i];
      const uint8_t r = input.to;
      if (by_rows) apart[r] = columns;
      if (input.axes == 0 && input.storage == Storage::real) value[r] = {(const R*)p.in[i] + first, W};
      else value[r] = make_operand(input, p.in[i], scratch + r * tile, single[r], grid, part, apart[r]);
    }
    // Where a register goes that a step makes: its own memory, or an output's
    const auto place = [&](uint8_t r, int64_t& to_apart) __attribute__((always_inline)) {
      to_apart = columns;
      if (!(direct_now >> r & 1)) return scratch + r * tile;
      const PointwiseOutput& output = p.outputs[output_of[r]];
      const bool strided = by_rows && output.axes > 0;
      if (strided) to_apart = grid.apart(output);
      return (R*)p.out[output_of[r]] + (strided ? offset_of(output, first) : first);
    };
    if (whole) {
      R* to[max_known_operands];
      int64_t to_apart[max_known_operands];
      for (int o = 0; o < n_outputs; ++o) to[o] = place(p.outputs[o].from, to_apart[o]);
      whole_functions<R>[p.known](value, apart, to, to_apart, by_rows ? columns / W : vectors, part.rows);
      for (int o = 0; o < n_outputs; ++o) {
        value[p.outputs[o].from] = {to[o], W};
        if (by_rows) apart[p.outputs[o].from] = to_apart[o];
      }
    } else {
      for (int s = 0; s < n_steps; ++s) {
        const PointwiseStep step = p.steps[s];
        int64_t to_apart;
        R* const to = place(step.to, to_apart);
        run(step, to, to_apart);
        value[step.to] = {to, step.narrow ? 0 : W};
        if (by_rows) apart[step.to] = step.narrow ? W : to_apart;
      }
    }
    for (int o = 0; o < n_outputs; ++o) {
      const PointwiseOutput& output = p.outputs[o];
      const uint8_t from = output.from;
      if (direct_now >> from & 1 && output_of[from] == o) continue;
      if (by_rows && direct_now && grid.serves<R>(output) && !output.in_place)  // a second copy
        run({PointwiseCode::copy, from, from, from, from}, (R*)p.out[o] + offset_of(output, first), grid.apart(output));
      else write(output, p.out[o], value[from], by_rows ? apart[from] : columns, part);
    }
  }
}

template <class R>
Grid grid_of(const Pointwise<R>& p) {
  Grid grid{p.row};
  for (int i = 0; i < p.n_inputs; ++i) grid.see<R>(p.inputs[i]);
  for (int o = 0; o < p.n_outputs; ++o) grid.see<R>(p.outputs[o]);
  return grid;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
