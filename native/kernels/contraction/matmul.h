// Matrix product: which form B is read in, and in what order the register tiles run.
//
// Source: Goto and van de Geijn 2008 (blocking of k and m so that a panel of B stays in the first cache and a block of A in the
// second). Forms of B, best first: packed by the caller; read in place (columns contiguous); packed here into scratch; the roles of
// A and B exchanged when there are few columns. Cost: 2 m n k operations at 85-95 % of the multiply-add rate for large sizes.
// Weakness: with m = 1 each weight is used once, so the cache or memory that holds B sets the pace.
#pragma once
#include "contraction/pack.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t k_block = 256;                  // a panel of B: 32 KB on AVX-512
constexpr int64_t a_block_bytes = 512 * 1024;     // of A, kept in the second cache
constexpr int64_t slender_k = 64;                 // k block of the exchanged form: its copy of A stays on the stack

template <class R> struct BForm { const R* b; int64_t row, panel; };  // element (k, 0) at b + k * row; next panel `panel` further

// Rows [0, m) of t, split evenly into tiles of NV vectors
template <class R, int NV>
ELMAN_INLINE void run_rows(Tile<R> t, int64_t m) {
  constexpr int most = tile_rows<NV>;
  if (m <= most) return TileTable<R, NV>::of_rows[m](t);
  const int64_t tiles = (m + most - 1) / most, fewest = m / tiles, longer = m - tiles * fewest;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t rows = fewest + (i < longer);
    TileTable<R, NV>::of_rows[rows](t);
    t.a += rows * t.a_row;
    t.c += rows * t.c_row;
    if (t.init) t.init += rows * t.init_row;
  }
}

// One block of rows and k over all columns; m is what the choice of tile depends on
template <class R>
void run_columns(Tile<R> t, int64_t m, int64_t n, int64_t panel_step) {
  constexpr int W = width<R>;
  while (n > 0) {
    const int64_t vectors = (n + W - 1) / W;
    const int used = m <= tile_rows<8> && vectors >= 8 ? 8 : m <= tile_rows<4> && vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1;
    const int64_t columns = n < used * W ? n : used * W;
    t.last = int(columns - (used - 1) * W);
    switch (used) {
      case 8: run_rows<R, 8>(t, m); break;
      case 4: run_rows<R, 4>(t, m); break;
      case 2: run_rows<R, 2>(t, m); break;
      default: run_rows<R, 1>(t, m); break;
    }
    n -= columns;
    t.b += used / panel_vectors * panel_step;
    t.c += columns;
    if (t.init) t.init += columns;
  }
}

template <class R>
void run_blocks(const Matmul<R>& p, const BForm<R>& form) {
  Tile<R> t{p.k, p.a, p.a_row, p.a_col, form.b, form.row, form.panel, p.init, p.init_row, p.c, p.c_row, 0};
  constexpr int64_t a_block = a_block_bytes / int64_t(sizeof(R));
  if (p.m <= tile_rows<2> || (p.k <= k_block && p.m * p.k <= a_block)) return run_columns(t, p.m, p.n, form.panel);
  const int64_t k_blocks = (p.k + k_block - 1) / k_block, k_size = (p.k + k_blocks - 1) / k_blocks, m_size = a_block / k_size;
  for (int64_t m = 0; m < p.m; m += m_size)
    for (int64_t k = 0; k < p.k; k += k_size) {
      t.k = p.k - k < k_size ? p.k - k : k_size;
      t.a = p.a + m * p.a_row + k * p.a_col;
      t.b = form.b + k * form.row;
      t.c = p.c + m * p.c_row;
      t.init = k ? t.c : p.init ? p.init + m * p.init_row : nullptr;
      t.init_row = k ? p.c_row : p.init_row;
      run_columns(t, p.m - m < m_size ? p.m - m : m_size, p.n, form.panel);
    }
}

template <class R>
void copy_init(const Matmul<R>& p) {
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.c_row + j] = p.init ? p.init[i * p.init_row + j] : R(0);
}

// Few columns: A's rows become the lanes, C's columns the rows of the tile; a block of C waits on the stack, transposed.
template <class R> constexpr int slender_columns = width<R> >= 8 ? width<R> / 4 : 1;

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

// Packing pays when B is read often enough and its rows lie too far apart for the first cache.
template <class R> bool worth_packing(const Matmul<R>& p) {
  return p.m >= 48 && p.k * p.n * int64_t(sizeof(R)) > 64 * 1024;
}

template <class R>
void matmul(const Matmul<R>& p) {
  constexpr int P = panel_columns<R>;
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return copy_init(p);
  if (p.n <= slender_columns<R> && p.m >= 4) return run_slender(p);
  if (p.packed) return run_blocks<R>(p, {p.packed, P, p.k * P});
  if (p.n == 1 && p.b_row == 1) return run_blocks<R>(p, {p.b, 1, P});
  if ((p.b_col == 1 || p.n == 1) && !worth_packing(p)) return run_blocks<R>(p, {p.b, p.b_row, P});
  pack(p.scratch, p.b, p.b_row, p.b_col, p.k, p.n);
  run_blocks<R>(p, {p.scratch, P, p.k * P});
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
