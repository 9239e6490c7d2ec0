// Rows outside, panels inside: a block of rows of A in the first cache, all panels of B past it from the second.
//
// Source: Goto and van de Geijn 2008, with the roles of the caches exchanged. Good for few rows, and for a B that the first cache
// holds; panels.h for many rows and a large B.
#pragma once
#include "contraction/pack.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
constexpr int64_t k_block = 1024 / int64_t(sizeof(R));  // of A's rows and B's columns: 1 KB each

// A Tile is passed on by reference and never copied: its fields have just been stored one by one, which a wide load must wait for.

// One row, its columns block by block: first to last, or last to first. A block has at most so many vectors: enough to hide the latency
// of their sums, and few, so that the block that was read last is a small part of the first cache.
constexpr int turning_vectors = vector_registers == 32 ? 6 : 8;

template <class R>
void run_row_turning(Tile<R>& t, int64_t n, int64_t panel_step) {
  constexpr int W = width<R>;
  const uint32_t all = uint32_t((n + W - 1) / W), blocks = (all + turning_vectors - 1) / turning_vectors;
  const uint32_t each = ((all + blocks - 1) / blocks + panel_vectors - 1) / panel_vectors * panel_vectors;
  uint32_t last = blocks - 1;
  while (last * each >= all) --last;
  const R *const b = t.b, *const init = t.init;
  R* const c = t.c;
  for (uint32_t i = 0; i <= last; ++i) {
    const uint32_t first = (t.turning == Turning::back ? last - i : i) * each;
    const int64_t at = int64_t(first) * W, vectors = all - first < each ? all - first : each;
    t.b = b + first / panel_vectors * panel_step;
    t.c = c + at;
    if (init) t.init = init + at;
    t.last = n - at < vectors * W ? int(n - at - (vectors - 1) * W) : W;
    RowTable<R>::of_vectors[vectors](t);
  }
  t.b = b;
  t.c = c;
  t.init = init;
}

// All columns for at most tile_rows rows, from t.a, t.b, t.c and t.init on
template <class R>
ELMAN_INLINE void run_row_block(Tile<R>& t, int64_t rows, int64_t n, int64_t panel_step) {
  constexpr int W = width<R>;
  if (rows == 1 && t.turning != Turning::no) return run_row_turning(t, n, panel_step);
  if (rows == 1 && n <= row_vectors * W) {
    const int64_t vectors = (n + W - 1) / W;
    t.last = int(n - (vectors - 1) * W);
    return RowTable<R>::of_vectors[vectors](t);
  }
  const R *const b = t.b, *const init = t.init;
  R* const c = t.c;
  const bool fit_threes = vector_registers == 32 && rows <= tile_rows<3>;
  bool odd = false;
  while (n > 0) {
    const int64_t vectors = (n + W - 1) / W;
    const int used = vectors >= 8 && rows <= tile_rows<8>   ? 8
                     : vectors >= 4 && rows <= tile_rows<4> ? 4
                     : fit_threes && vectors % 3 == 0       ? 3
                     : vectors >= 2                         ? 2
                                                            : 1;
    const int64_t columns = n < used * W ? n : used * W;
    t.last = int(columns) - (used - 1) * W;
    switch (used) {
      case 8:
        TileTable<R, 8>::of_rows[rows](t);
        break;
      case 4:
        TileTable<R, 4>::of_rows[rows](t);
        break;
      case 3:
        if constexpr (vector_registers == 32)
          (odd ? TileTable<R, 3, true>::of_rows : TileTable<R, 3>::of_rows)[rows](t);
        break;
      case 2:
        TileTable<R, 2>::of_rows[rows](t);
        break;
      default:
        TileTable<R, 1>::of_rows[rows](t);
        break;
    }
    n -= columns;
    t.b += (used + odd) / panel_vectors * panel_step + ((used + odd) % 2 - odd) * W;
    odd = (used + odd) % 2;
    t.c += columns;
    if (t.init) t.init += columns;
  }
  t.b = b;
  t.c = c;
  t.init = init;
}

// A copy of a block of A's rows pays when several panels read it and its own strides would crowd the first cache. Where A is
// transposed, the rows of a block are neighbours in memory, and only many panels pay for a copy.
template <class R>
bool worth_copying(const Tile<R>& t, int64_t n) {
  if (t.k < 64 || n <= panel_columns<R>) return false;
  const bool crowded = (t.a_col == 1 ? t.a_row : t.a_col) * int64_t(sizeof(R)) % 4096 == 0;
  if (t.a_col == 1) return crowded;
  return crowded || t.a_row != 1 || n > 256;
}

template <class R>
constexpr int copied_rows = (tile_rows<1> + width<R> - 1) / width<R> * width<R>;

// Into copy, in the order that a's own strides have; t.a reads from there.
template <class R>
void copy_rows(R* copy, Tile<R>& t, int64_t rows) {
  constexpr int W = width<R>, C = copied_rows<R>;
  if (t.rows) {
    copy_apart(copy, k_block<R>, t.rows, t.column, rows, t.k, t.finite);
  } else if (t.a_col == 1) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < t.k; k += W) store(copy + i * k_block<R> + k, load(t.a + i * t.a_row + k));
  } else if (t.a_row == 1) {
    for (int64_t k = 0; k < t.k; ++k)
      for (int64_t i = 0; i < rows; i += W) store(copy + k * C + i, load(t.a + k * t.a_col + i));
  } else {
    for (int64_t k = 0; k < t.k; ++k)
      for (int64_t i = 0; i < rows; ++i) copy[k * C + i] = t.a[i * t.a_row + k * t.a_col];
  }
  t.a = copy;
  t.a_row = t.a_col == 1 ? k_block<R> : 1;
  t.a_col = t.a_col == 1 ? 1 : C;
}

template <class R>
void run_copied(Tile<R>& t, int64_t rows, int64_t n, int64_t panel_step) {
  alignas(64) R copy[k_block<R> * copied_rows<R>];
  const R* const a = t.a;
  const int64_t a_row = t.a_row, a_col = t.a_col;
  copy_rows(copy, t, rows);
  run_row_block(t, rows, n, panel_step);
  t.a = a;
  t.a_row = a_row;
  t.a_col = a_col;
}

// Of a block. Three and four vectors of columns ask for fewer loads and instructions a multiply-add than two; eight rows by three
// vectors read B less often than six by four.
template <class R>
int64_t most_rows(int64_t m, int64_t n) {
  constexpr int W = width<R>, most = tile_rows<3>, wide = tile_rows<4>;
  if (n <= W) return tile_rows<1>;
  if (vector_registers < 32 || n <= 2 * W) return tile_rows<2>;
  const bool in_threes = n <= 3 * W || n > 4 * W;
  return in_threes && (m + most - 1) / most < (m + wide - 1) / wide ? most : wide;
}

// All rows, split evenly, over one block of k and n
template <class R>
void run_block(Tile<R>& t, int64_t m, int64_t n, int64_t panel_step) {
  const int64_t most = most_rows<R>(m, n);
  const bool copied = t.rows || (t.k <= k_block<R> && worth_copying(t, n));
  if (m <= most && !copied) return run_row_block(t, m, n, panel_step);
  const int64_t blocks = (m + most - 1) / most, fewest = m / blocks, longer = m - blocks * fewest;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t rows = fewest + (i < longer);
    if (copied) run_copied(t, rows, n, panel_step);
    else run_row_block(t, rows, n, panel_step);
    if (t.rows) t.rows += rows;
    else t.a += rows * t.a_row;
    t.c += rows * t.c_row;
    if (t.init) t.init += rows * t.init_row;
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
