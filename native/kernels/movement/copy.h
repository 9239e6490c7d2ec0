// Strided copy of up to max_axes axes.
//
// Axes of size 1 are dropped and neighbours that walk as one are merged; the axis whose writes are contiguous becomes the inner
// one. Forms, best first: rows copied as vectors; a plane whose reads are contiguous along its other axis transposed in registers;
// one value repeated; element by element.
#pragma once
#include "contraction/pack.h"
#include "movement/gather.h"

namespace elman::ELMAN_TARGET {
namespace {

struct Axis {
  int64_t size, to, from;
};

struct Walk {  // outermost first
  Axis axis[32];
  int axes = 0;
};

ELMAN_INLINE int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Axes of more than one element, by falling stride of `to`, merged where both sides allow it
inline Walk plan_walk(const Copy& p) {
  Walk walk;
  for (int i = 0; i < p.axes; ++i) {
    if (p.size[i] == 1) continue;
    int at = walk.axes++;
    for (; at > 0 && magnitude(walk.axis[at - 1].to) < magnitude(p.to_stride[i]); --at)
      walk.axis[at] = walk.axis[at - 1];
    walk.axis[at] = {p.size[i], p.to_stride[i], p.from_stride[i]};
  }
  int merged = 0;
  for (int i = 1; i < walk.axes; ++i) {
    Axis& outer = walk.axis[merged];
    const Axis inner = walk.axis[i];
    if (outer.to == inner.to * inner.size && outer.from == inner.from * inner.size)
      outer = {outer.size * inner.size, inner.to, inner.from};
    else walk.axis[++merged] = inner;
  }
  if (walk.axes > 0) walk.axes = merged + 1;
  return walk;
}

template <class T, bool add>
ELMAN_INLINE void put(T& to, T from) {
  to = add ? to + from : from;
}

template <class T, bool add>
ELMAN_INLINE void move_row(T* to, const T* from, const Axis& axis) {
  if (axis.to == 1 && axis.from == 1) {
    if (add) add_row(to, from, axis.size);
    else copy_row(to, from, axis.size);
  } else if (axis.to == 1 && axis.from == 0) {
    const T x = *from;
    for (int64_t i = 0; i < axis.size; ++i) put<T, add>(to[i], x);
  } else {
    for (int64_t i = 0; i < axis.size; ++i) put<T, add>(to[i * axis.to], from[i * axis.from]);
  }
}

// to[i * to_row + j] = from[j * from_row + i]: squares through registers, edges element by element
template <class T>
void transpose_plane(T* to, int64_t to_row, const T* from, int64_t from_row, int64_t rows, int64_t columns) {
  constexpr int W = width<T>, group = 16 / int(sizeof(T));
  const int64_t square_rows = rows / group * group, square_columns = columns / W * W;
  for (int64_t j = 0; j < square_columns; j += W)
    transpose_strip(to + j, to_row, from + j * from_row, from_row, W, square_rows);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = i < square_rows ? square_columns : 0; j < columns; ++j)
      to[i * to_row + j] = from[j * from_row + i];
}

template <class T, bool add>
void run_walk(const Walk& walk, T* to, const T* from) {
  if (walk.axes == 0) return put<T, add>(*to, *from);
  const Axis inner = walk.axis[walk.axes - 1];
  int outer = walk.axes - 1, plane = -1;
  if (!add && inner.to == 1 && inner.from > 1)
    for (int i = 0; i < outer; ++i)
      if (walk.axis[i].from == 1 && walk.axis[i].to > 0) plane = i;
  Axis rows{};
  Axis axis[32];
  int axes = 0;
  for (int i = 0; i < outer; ++i) {
    if (i == plane) rows = walk.axis[i];
    else axis[axes++] = walk.axis[i];
  }
  int64_t index[32] = {};
  while (true) {
    if (plane >= 0) transpose_plane(to, rows.to, from, inner.from, rows.size, inner.size);
    else move_row<T, add>(to, from, inner);
    int i = axes - 1;
    for (; i >= 0; --i) {
      to += axis[i].to;
      from += axis[i].from;
      if (++index[i] < axis[i].size) break;
      to -= axis[i].size * axis[i].to;
      from -= axis[i].size * axis[i].from;
      index[i] = 0;
    }
    if (i < 0) return;
  }
}

// A float or double carries the bits of any item of its size; only `add` computes, and is for real items.
template <class T>
void copy_items(const Copy& p) {
  const Walk walk = plan_walk(p);
  if (p.add) run_walk<T, true>(walk, (T*)p.to, (const T*)p.from);
  else run_walk<T, false>(walk, (T*)p.to, (const T*)p.from);
}

inline void copy(const Copy& p) {
  for (int i = 0; i < p.axes; ++i)
    if (p.size[i] <= 0) return;
  if (p.item == 4) copy_items<float>(p);
  else copy_items<double>(p);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
