// Packing of B (K, N) into panels: [panel of panel_columns columns][k][panel_columns], columns past N zero or repeated.
//
// A panel is what one pass of a register tile reads, in the order it reads it. Cost: one load and one store per
// vector where B's columns or rows are contiguous; one of each per element for other strides.
#pragma once
#include "contraction/arithmetic.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R> int64_t packed_size(int64_t k, int64_t n) {
  return (n + panel_columns<R> - 1) / panel_columns<R> * panel_columns<R> * k;
}

// to[k * to_row + i] = from[i * apart + k] for i < width (rows past `valid` repeat the last), k < count. from is
// readable for 16 bytes past its last element.
template <class R>
void transpose_strip(R* to, int64_t to_row, const R* from, int64_t apart, int valid, int64_t count) {
  constexpr int group = 16 / int(sizeof(R));
  const R* row[width<R>];
  for (int i = 0; i < width<R>; ++i) row[i] = from + (i < valid ? i : valid - 1) * apart;
  for (int64_t k = 0; k < count; k += group) {
    vec<R> g[group];
    ELMAN_UNROLL_ALL
    for (int i = 0; i < group; ++i) g[i] = load_quarters<R>(row, i, k);
    transpose_groups<R>(g);
    ELMAN_UNROLL_ALL
    for (int i = 0; i < group; ++i)
      if (k + i < count) store(to + (k + i) * to_row, g[i]);
  }
}

template <class R>
void pack_panel(R* to, const R* b, int64_t b_row, int64_t b_col, int64_t k, int columns) {
  constexpr int W = width<R>, P = panel_columns<R>;
  if (b_col == 1 && columns == P) {
    for (int64_t i = 0; i < k; ++i)
      ELMAN_UNROLL_ALL
      for (int v = 0; v < panel_vectors; ++v) store(to + i * P + v * W, load(b + i * b_row + v * W));
  } else if (b_col == 1) {
    for (int64_t i = 0; i < k; ++i)
      for (int v = 0; v < panel_vectors; ++v) {
        const int left = columns - v * W;
        store(to + i * P + v * W, left > 0 ? load_partial(b + i * b_row + v * W, left < W ? left : W) : vec<R>{});
      }
  } else if (b_row == 1) {
    for (int v = 0; v < panel_vectors; ++v) {
      const int left = columns - v * W;
      if (left > 0) transpose_strip(to + v * W, P, b + v * W * b_col, b_col, left < W ? left : W, k);
      else for (int64_t i = 0; i < k; ++i) store(to + i * P + v * W, vec<R>{});
    }
  } else {
    for (int64_t i = 0; i < k; ++i)
      for (int j = 0; j < P; ++j) to[i * P + j] = j < columns ? b[i * b_row + j * b_col] : R(0);
  }
}

template <class R>
void pack(R* packed, const R* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n) {
  constexpr int P = panel_columns<R>;
  for (int64_t j = 0; j < n; j += P) pack_panel(packed + j * k, b + j * b_col, b_row, b_col, k, int(n - j < P ? n - j : P));
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
