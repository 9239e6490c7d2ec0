// A pointwise program: tile by tile, every step over the whole tile before the next.
//
// A tile of registers stays in the first cache. Nothing is copied that can be read or written in place: contiguous inputs are
// read where they are, a constant or scalar is one vector, and the register an output takes is the output's own memory, except
// in a last tile that ends inside a vector and where the buffer is also an input that is still to be read.
#pragma once
#include "pointwise/loop.h"

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
  for (int64_t i = 0; i < n; ++i) to[i] = R(from[i * stride]);
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

// Where the operand of this tile lies. A tile that has to be made goes to `own`, the register's memory; a single vector that serves
// all of it to `single`, which no step writes.
template <class R>
__attribute__((noinline)) Operand<R> make_operand(const PointwiseInput& input, const void* in, R* own, R* single,
                                                  int64_t first, int64_t n) {
  const R* from = (const R*)in;
  if (input.storage == Storage::index) {
    if (input.axes == 0) convert(own, (const int32_t*)in + first, 1, n);
    else fill(own, (const int32_t*)in, input, first, n);
    return {own, width<R>};
  }
  if (input.axes == 1 && input.stride[0] == 0) {
    store(single, splat(from[0]));
    return {single, 0};
  }
  if (input.axes == 2 && input.stride[0] == 0 && input.stride[1] == 1) {
    const int64_t column = first % input.size[1];
    if (column + n <= input.size[1]) return {from + column, width<R>};
    if (width<R> % input.size[1] == 0) {  // every vector is the same
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

template <class R, class S>
ELMAN_INLINE void write(const PointwiseOutput& output, S* out, const Operand<R>& value, int64_t first, int64_t n) {
  if (output.axes == 0) return write_run<R>(out + first, 1, value, 0, n);
  const int64_t stride = output.stride[output.axes - 1];
  int64_t done = 0;
  walk(output, first, n, [&](int64_t at, int64_t run) {
    write_run<R>(out + at, stride, value, done, run);
    done += run;
  });
}
template <class R>
__attribute__((noinline)) void write(const PointwiseOutput& output, void* out, const Operand<R>& value, int64_t first,
                                     int64_t n) {
  if (output.storage == Storage::index) write(output, (int32_t*)out, value, first, n);
  else write(output, (R*)out, value, first, n);
}

template <class R>
void pointwise(const Pointwise<R>& p) {
  constexpr int W = width<R>;
  Operand<R> value[max_registers];
  alignas(64) R single[max_registers][W];
  R* output_of[max_registers];  // for the registers of `direct`, whose steps write an output's memory
  uint64_t direct = 0;
  static_assert(max_registers <= 64);
  R* const scratch = p.scratch;
  const int n_inputs = p.n_inputs, n_steps = p.n_steps, n_outputs = p.n_outputs;
  for (int i = 0; i < p.n_constants; ++i) {
    const uint8_t r = p.constants[i].to;
    store(single[r], splat(R(p.constants[i].value)));
    value[r] = {single[r], 0};
  }
  for (int o = 0; o < n_outputs; ++o) {
    const PointwiseOutput& output = p.outputs[o];
    if (output.storage != Storage::real || output.axes > 0 || (output.in_place && !may_write_early(p, o))) continue;
    direct |= uint64_t(1) << output.from;
    output_of[output.from] = (R*)p.out[o];
  }

  const int64_t tile = tile_of<R>(p.n_registers);
  for (int64_t first = 0; first < p.count; first += tile) {
    const int64_t n = p.count - first < tile ? p.count - first : tile, vectors = (n + W - 1) / W;
    const uint64_t direct_now = n % W ? 0 : direct;  // a step writes whole vectors
    for (int i = 0; i < n_inputs; ++i) {
      const PointwiseInput& input = p.inputs[i];
      if (input.axes == 0 && input.storage == Storage::real) value[input.to] = {(const R*)p.in[i] + first, W};
      else value[input.to] = make_operand(input, p.in[i], scratch + input.to * tile, single[input.to], first, n);
    }
    for (int s = 0; s < n_steps; ++s) {
      const PointwiseStep step = p.steps[s];
      R* to = direct_now >> step.to & 1 ? output_of[step.to] + first : scratch + step.to * tile;
      step_functions<R>[int(step.code)](to, value[step.a], value[step.b], value[step.c], vectors);
      value[step.to] = {to, W};
    }
    for (int o = 0; o < n_outputs; ++o) {
      const Operand<R>& result = value[p.outputs[o].from];
      const bool whole = p.outputs[o].axes == 0 && p.outputs[o].storage == Storage::real;
      const bool there = whole && result.at == (const R*)p.out[o] + first;
      if (!there) write(p.outputs[o], p.out[o], result, first, n);
    }
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
