// Matrix product: which form A and B are read in, and in what order the register tiles run.
//
// Source: Goto and van de Geijn 2008, with the roles of the caches exchanged: a block of B stays in the second cache and is read in
// panels, a block of rows of A in the first. Forms of B, best first: packed by the caller; read in place (columns contiguous and
// few enough, or few rows to serve); packed here into scratch, block by block; the roles of A and B exchanged when there are few
// columns. Cost: 2 m n k operations at 85-95 % of the multiply-add rate for large sizes. Weakness: with m = 1 each weight is used
// once, so the cache or memory that holds B sets the pace.
#pragma once
#include "contraction/pack.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
constexpr int64_t k_block = 1024 / int64_t(sizeof(R));  // of A's rows and B's columns: 1 KB each
constexpr int64_t n_block = 512;  // a block of B: 512 KB
constexpr int64_t slender_k = 64;  // k block of the exchanged form: its copy of A stays on the stack

// A Tile is passed on by reference and never copied: its fields have just been stored one by one, which a wide load must wait for.

// All columns for at most tile_rows rows, from t.a, t.b, t.c and t.init on
template <class R>
ELMAN_INLINE void run_row_block(Tile<R>& t, int64_t rows, int64_t n, int64_t panel_step) {
  constexpr int W = width<R>;
  if (rows == 1 && n <= row_vectors * W) {
    const int64_t vectors = (n + W - 1) / W;
    t.last = int(n - (vectors - 1) * W);
    return RowTable<R>::of_vectors[vectors](t);
  }
  const R *const b = t.b, *const init = t.init;
  R* const c = t.c;
  while (n > 0) {
    const int64_t vectors = (n + W - 1) / W;
    const int used = vectors >= 8 && rows <= tile_rows<8>   ? 8
                     : vectors >= 4 && rows <= tile_rows<4> ? 4
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
      case 2:
        TileTable<R, 2>::of_rows[rows](t);
        break;
      default:
        TileTable<R, 1>::of_rows[rows](t);
        break;
    }
    n -= columns;
    t.b += used / panel_vectors * panel_step;
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

// copy[k * copied_rows + i] = a(i, k), and t.a reads from there
template <class R>
void copy_rows(R* copy, Tile<R>& t, int64_t rows) {
  constexpr int W = width<R>, C = copied_rows<R>;
  if (t.a_row == 1) {
    for (int64_t k = 0; k < t.k; ++k)
      for (int64_t i = 0; i < rows; i += W) store(copy + k * C + i, load(t.a + k * t.a_col + i));
  } else if (t.a_col == 1) {
    for (int64_t i = 0; i < rows; i += W)
      transpose_strip(copy + i, C, t.a + i * t.a_row, t.a_row, int(rows - i < W ? rows - i : W), t.k);
  } else {
    for (int64_t k = 0; k < t.k; ++k)
      for (int64_t i = 0; i < rows; ++i) copy[k * C + i] = t.a[i * t.a_row + k * t.a_col];
  }
  t.a = copy;
  t.a_row = 1;
  t.a_col = C;
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

// All rows, split evenly, over one block of k and n
template <class R>
void run_block(Tile<R>& t, int64_t m, int64_t n, int64_t panel_step) {
  constexpr int W = width<R>;
  // Four vectors of columns ask for fewer loads and instructions a multiply-add than two.
  const bool wide = vector_registers == 32 && n > 3 * W;
  const int64_t most = n <= W ? tile_rows<1> : wide ? tile_rows<4> : tile_rows<2>;
  const bool copied = t.k <= k_block<R> && worth_copying(t, n);
  if (m <= most && !copied) return run_row_block(t, m, n, panel_step);
  const int64_t blocks = (m + most - 1) / most, fewest = m / blocks, longer = m - blocks * fewest;
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t rows = fewest + (i < longer);
    if (copied) run_copied(t, rows, n, panel_step);
    else run_row_block(t, rows, n, panel_step);
    t.a += rows * t.a_row;
    t.c += rows * t.c_row;
    if (t.init) t.init += rows * t.init_row;
  }
}

// Few rows, and B in place and too large for the second cache: some of its rows at a time, each from end to end. A panel down all of
// B would touch a page of memory for every row, and nothing would be fetched ahead. C passes through the first cache once a strip.
template <class R>
void run_strips(Tile<R>& t, const Matmul<R>& p) {
  constexpr int64_t strip = 32;
  for (int64_t k = 0; k < p.k; k += strip) {
    t.k = p.k - k < strip ? p.k - k : strip;
    t.a = p.a + k * p.a_col;
    t.b = p.b + k * p.b_row;
    t.init = k ? p.c : p.init;
    t.init_row = k ? p.c_row : p.init_row;
    run_block(t, p.m, p.n, t.panel);
  }
}

template <class R>
bool worth_strips(const Matmul<R>& p) {
  return p.m <= 4 && p.n > n_block && p.k * p.n * int64_t(sizeof(R)) > 512 * 1024;
}

enum class Form { packed, in_place, pack_here };

template <class R>
void run_blocks(const Matmul<R>& p, Form form) {
  constexpr int P = panel_columns<R>;
  const bool packed = form == Form::packed;
  Tile<R> t{
      p.k,        p.a, p.a_row, p.a_col, packed ? p.packed : p.b, packed ? P : p.b_row, packed ? p.k * P : P, p.init,
      p.init_row, p.c, p.c_row, 0};
  if (form == Form::in_place && worth_strips(p)) return run_strips(t, p);
  if (form != Form::pack_here && (p.m <= tile_rows<2> || (p.k <= k_block<R> && p.n <= n_block)))
    return run_block(t, p.m, p.n, t.panel);
  const int64_t k_blocks = (p.k + k_block<R> - 1) / k_block<R>, k_size = (p.k + k_blocks - 1) / k_blocks;
  for (int64_t n = 0; n < p.n; n += n_block)
    for (int64_t k = 0; k < p.k; k += k_size) {
      const int64_t columns = p.n - n < n_block ? p.n - n : n_block;
      t.k = p.k - k < k_size ? p.k - k : k_size;
      t.a = p.a + k * p.a_col;
      t.c = p.c + n;
      t.init = k ? t.c : p.init ? p.init + n : nullptr;
      t.init_row = k ? p.c_row : p.init_row;
      if (packed) t.b = p.packed + n * p.k + k * P;
      if (form == Form::in_place) t.b = p.b + n + k * p.b_row;
      if (form == Form::pack_here) {
        pack(p.scratch, p.b + n * p.b_col + k * p.b_row, p.b_row, p.b_col, t.k, columns);
        t.b = p.scratch;
        t.b_row = P;
        t.panel = t.k * P;
      }
      run_block(t, p.m, columns, t.panel);
    }
}

template <class R>
void copy_init(const Matmul<R>& p) {
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.c_row + j] = p.init ? p.init[i * p.init_row + j] : R(0);
}

// Few columns: A's rows become the lanes, C's columns the rows of the tile; a block of C waits on the stack, transposed.
template <class R>
constexpr int slender_columns = width<R> >= 8 ? width<R> / 4 : 1;

template <class R>
void run_slender(const Matmul<R>& p) {
  constexpr int W = width<R>, P = panel_columns<R>;
  alignas(64) R block[slender_columns<R> * P], lanes[slender_k * P];
  const R* b = p.packed ? p.packed : p.b;
  const int64_t b_row = p.packed ? P : p.b_row, b_col = p.packed ? 1 : p.b_col;
  for (int64_t m = 0; m < p.m; m += P) {
    const int rows = int(p.m - m < P ? p.m - m : P), used = rows > W ? 2 : 1;
    for (int j = 0; j < p.n; ++j)
      for (int i = 0; i < P; ++i) block[j * P + i] = p.init && i < rows ? p.init[(m + i) * p.init_row + j] : R(0);
    for (int64_t k = 0; k < p.k; k += slender_k) {
      const int64_t size = p.k - k < slender_k ? p.k - k : slender_k;
      Tile<R> t{size, b + k * b_row, b_col, b_row, p.a + m * p.a_row + k * p.a_col, p.a_col, 0, block, P, block, P, W};
      if (p.a_row != 1) {
        pack_panel(lanes, t.b, p.a_col, p.a_row, size, rows);
        t.b = lanes;
        t.b_row = P;
      }
      if (used == 2) TileTable<R, 2>::of_rows[p.n](t);
      else TileTable<R, 1>::of_rows[p.n](t);
    }
    for (int j = 0; j < p.n; ++j)
      for (int i = 0; i < rows; ++i) p.c[(m + i) * p.c_row + j] = block[j * P + i];
  }
}

// Packing a block pays when enough rows read it and it overflows the first cache. The sum over rows of A and B (a gradient of
// weights: few rows, and k long) does without, as long as two rows of B and more share a page.
template <class R>
bool worth_packing(const Matmul<R>& p) {
  if (p.a_row == 1 && p.b_row * int64_t(sizeof(R)) <= 2048) return false;
  return p.m >= 48 && p.k * p.n * int64_t(sizeof(R)) > 32 * 1024;
}

template <class R>
void matmul(const Matmul<R>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return copy_init(p);
  if (p.n <= slender_columns<R> && p.m > 16) return run_slender(p);
  if (p.packed) return run_blocks(p, Form::packed);
  return run_blocks(p, (p.b_col == 1 || p.n == 1) && !worth_packing(p) ? Form::in_place : Form::pack_here);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
