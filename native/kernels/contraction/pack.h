// Packing of B (K, N) into panels: [panel of panel_columns columns][k][panel_columns], columns past N zero or repeated.
//
// A panel is what one pass of a register tile reads, in the order it reads it. Cost: one load and one store per
// vector where B's columns or rows are contiguous; one of each per element for other strides.
#pragma once
#include "contraction/arithmetic.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
int64_t packed_size(int64_t k, int64_t n) {
  return (n + panel_columns<R> - 1) / panel_columns<R> * panel_columns<R> * k;
}

// to[k * to_row + i] = from[i * apart + k] for i < width, k < count; rows past `valid` repeat others. from is readable for 16
// bytes past its last element. Four rows (of floats) by four columns are turned at a time, in each 16 bytes of the vector.
template <class R>
void transpose_strip(R* to, int64_t to_row, const R* from, int64_t apart, int valid, int64_t count) {
  constexpr int group = 16 / int(sizeof(R)), quarters = vector_bytes / 16;
  const R* first[quarters];  // row 0, group, 2 group, ...
  ELMAN_UNROLL_ALL
  for (int q = 0; q < quarters; ++q) first[q] = from + (q * group < valid ? q * group : 0) * apart;
  if (valid % group) {
    for (int64_t k = 0; k < count; ++k)
      for (int i = 0; i < width<R>; ++i) to[k * to_row + i] = i < valid ? from[i * apart + k] : R(0);
    return;
  }
  int64_t k = 0;
  for (; k + group <= count; k += group, to += group * to_row) {
    vec<R> g[group];
    ELMAN_UNROLL_ALL
    for (int i = 0; i < group; ++i) g[i] = load_quarters<R>(first, i * apart + k);
    transpose_groups<R>(g);
    ELMAN_UNROLL_ALL
    for (int i = 0; i < group; ++i) store(to + i * to_row, g[i]);
  }
  if (k == count) return;
  vec<R> g[group];
  ELMAN_UNROLL_ALL
  for (int i = 0; i < group; ++i) g[i] = load_quarters<R>(first, i * apart + k);
  transpose_groups<R>(g);
  ELMAN_UNROLL_ALL
  for (int i = 0; i + 1 < group; ++i)
    if (k + i < count) store(to + i * to_row, g[i]);
}

template <class R>
void pack_panel(R* to, const R* b, int64_t b_row, int64_t b_col, int64_t k, int columns) {
  constexpr int W = width<R>, P = panel_columns<R>;
  if (b_col == 1) {
    for (int64_t i = 0; i < k; ++i)
      for (int v = 0; v < panel_vectors; ++v) {
        const int left = columns - v * W;
        store(to + i * P + v * W, left > 0 ? load_partial(b + i * b_row + v * W, left < W ? left : W) : vec<R>{});
      }
  } else if (b_row == 1) {
    for (int v = 0; v < panel_vectors; ++v) {
      const int left = columns - v * W;
      if (left > 0) transpose_strip(to + v * W, P, b + v * W * b_col, b_col, left < W ? left : W, k);
      else
        for (int64_t i = 0; i < k; ++i) store(to + i * P + v * W, vec<R>{});
    }
  } else {
    for (int64_t i = 0; i < k; ++i)
      for (int j = 0; j < P; ++j) to[i * P + j] = j < columns ? b[i * b_row + j * b_col] : R(0);
  }
}

// A row whose last element nothing readable follows. Returns bits of `seen`, and some more where an element is not finite.
template <class R>
ELMAN_INLINE uvec<R> copy_exactly(R* to, const R* from, int64_t count, uvec<R> seen) {
  constexpr int W = width<R>;
  const auto put = [&](int64_t i, vec<R> x) __attribute__((always_inline)) {
    store(to + i, x);
    seen |= (uvec<R>)(x - x);
  };
  int64_t i = 0;
  for (; i + W <= count; i += W) put(i, load(from + i));
  if (i < count) put(i, load_partial(from + i, int(count - i)));
  return seen;
}

// Rows that lie apart, from a column on
template <class R>
void copy_apart(R* to, int64_t to_row, const R* const* rows, int64_t column, int64_t count, int64_t columns,
                bool* finite) {
  uvec<R> seen = {};
  for (int64_t i = 0; i < count; ++i) seen = copy_exactly(to + i * to_row, rows[i] + column, columns, seen);
  if (finite && any<R>((ivec<R>)seen != 0)) *finite = false;
}

// Rows of B are read from end to end, so that the processor fetches ahead; each vector goes to its panel.
template <class R>
void pack_rows(R* packed, const R* b, int64_t b_row, int64_t k, int64_t n) {
  constexpr int P = panel_columns<R>, W = width<R>;
  for (int64_t i = 0; i < k; ++i, b += b_row, packed += P) {
    R* to = packed;
    const R* from = b;
    for (int64_t j = 0; j < n; j += P, to += P * k, from += P) ELMAN_UNROLL_ALL
    for (int v = 0; v < panel_vectors; ++v) store(to + v * W, load(from + v * W));
  }
}

template <class R>
void pack(R* packed, const R* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n) {
  constexpr int P = panel_columns<R>;
  const int64_t whole = b_col == 1 ? n / P * P : 0;
  pack_rows(packed, b, b_row, k, whole);
  for (int64_t j = whole; j < n; j += P)
    pack_panel(packed + j * k, b + j * b_col, b_row, b_col, k, int(n - j < P ? n - j : P));
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
