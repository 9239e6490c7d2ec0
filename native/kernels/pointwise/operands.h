// Operands that do not lie in place: into a register before the first step, out of one after the last.
#pragma once
#include "pointwise/loop.h"

namespace elman::ELMAN_TARGET {
namespace {

// Some rows, or a piece of one: elements that follow each other, of which `first` is the first
struct Part {
  int64_t row = 0, column = 0, rows = 0, columns = 0;
  int64_t first = 0;
  int64_t count() const { return rows * columns; }
};

// to[0, n) = from[0], from[stride], ...
template <class R>
ELMAN_INLINE void gather_run(R* to, const R* from, int64_t stride, int64_t n) {
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
ELMAN_INLINE void gather_run(R* to, const int32_t* from, int64_t stride, int64_t n) {
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

// to[0], to[stride], ... = from[0, n)
template <class R>
ELMAN_INLINE void scatter_run(R* to, int64_t stride, const R* from, int64_t n) {
  constexpr int W = width<R>;
  if (stride == 1) {
    for (; n >= W; n -= W, to += W, from += W) store(to, load(from));
    if (n > 0) store_partial(to, load(from), int(n));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = from[i];
  }
}
template <class R>
ELMAN_INLINE void scatter_run(int32_t* to, int64_t stride, const R* from, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i * stride] = int32_t(__builtin_rint(double(from[i])));
}

// Elements from an operand's start to element `first`
template <class Strided>
ELMAN_INLINE int64_t offset_of(const Strided& operand, int64_t first) {
  if (operand.axes == 0) return first;
  int64_t at = 0;
  for (int axis = operand.axes - 1; axis > 0 && first > 0; --axis) {
    const int64_t rest = first / operand.size[axis];
    at += (first - rest * operand.size[axis]) * operand.stride[axis];
    first = rest;
  }
  return at + first * operand.stride[0];
}

// The same out of the way of loops over what lies at even distances
__attribute__((noinline)) inline int64_t offset_in_blocks(const PointwiseOutput& output, int64_t first) {
  return offset_of(output, first);
}

// f(at, run): elements first, first + 1, ..., n of them, of an operand: `run` from offset `at` on along its last axis
template <class Strided, class F>
ELMAN_INLINE void walk(const Strided& operand, int64_t first, int64_t n, F f) {
  const int inner = operand.axes - 1;
  if (inner < 0) return f(first, n);
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
void gather(R* to, const S* from, const PointwiseInput& input, int64_t first, int64_t n) {
  const int64_t stride = input.axes > 0 ? input.stride[input.axes - 1] : 1;
  walk(input, first, n, [&](int64_t at, int64_t run) {
    gather_run(to, from + at, stride, run);
    to += run;
  });
}
template <class R, class S>
void scatter(S* to, const R* from, const PointwiseOutput& output, int64_t first, int64_t n) {
  const int64_t stride = output.axes > 0 ? output.stride[output.axes - 1] : 1;
  walk(output, first, n, [&](int64_t at, int64_t run) {
    scatter_run(to + at, stride, from, run);
    from += run;
  });
}

// f(row, at): where the element of each row of a part lies, in an operand that has one a row
template <class Strided, class F>
ELMAN_INLINE void each_row(const Strided& operand, const Part& part, F f) {
  const int64_t at = offset_of(operand, part.first);
  const bool even = operand.axes == 2 && operand.size[1] == part.columns;
  for (int64_t row = 0; row < part.rows; ++row)
    f(row, even ? at + row * operand.stride[0] : offset_of(operand, part.first + row * part.columns));
}

template <class R, class S>
void gather_elements(R* to, const S* from, const PointwiseInput& input, const Part& part) {
  each_row(input, part, [&](int64_t row, int64_t at) { to[row] = R(from[at]); });
}
// Elements of the register are `apart`.
template <class R, class S>
void scatter_elements(S* to, const R* from, int64_t apart, const PointwiseOutput& output, const Part& part) {
  each_row(output, part, [&](int64_t row, int64_t at) { scatter_run(to + at, 1, from + row * apart, 1); });
}

// Whether a part is a piece of a run of the operand
inline bool in_one_run(const PointwiseInput& input, const Part& part) {
  const int last = input.axes - 1;
  return input.storage == Storage::real && last >= 0 && input.stride[last] == 1 &&
         part.first % input.size[last] + part.count() <= input.size[last];
}

// f(p): what a pointer points to, by how it is stored
template <class R, class F>
ELMAN_INLINE void as_stored(Storage storage, const void* p, F f) {
  if (storage == Storage::index) f((const int32_t*)p);
  else f((const R*)p);
}
template <class R, class F>
ELMAN_INLINE void as_stored(Storage storage, void* p, F f) {
  if (storage == Storage::index) f((int32_t*)p);
  else f((R*)p);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
