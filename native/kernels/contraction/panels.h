// Panels outside, rows inside: a panel of B in the first cache, the rows of A past it from the second.
//
// Source: Goto and van de Geijn 2008; van Zee and van de Geijn 2015 (BLIS). What comes from further away is asked for ahead of time:
// C of the next tile, and the next panel while rows pass by this one. Rows of several products that share B are walked together: then
// B, which may be too large for the second cache, passes by once for them all. Cost: A is copied once, C goes through memory once a
// block of k. Bits: as everywhere, one chain of multiply-adds an element. Weakness: few columns, few rows, a short k.
#pragma once
#include "contraction/rows.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int wide_vectors = vector_registers == 32 ? 4 : 2;  // of a tile
constexpr int wide_rows = tile_rows<wide_vectors>;
template <class R>
constexpr int64_t wide_columns = wide_vectors * width<R>;
template <class R>  // with which a panel has 32 KB, or 16 and less
constexpr int64_t panel_k = (vector_registers == 32 ? 512 : 1024) / int64_t(sizeof(R));
template <class R>  // whose copies lie on the stack: 72 KB
constexpr int64_t most_tiles = 72 * 1024 / (wide_rows * panel_k<R> * int64_t(sizeof(R)));

template <class R>
struct WideTile {
  int64_t k;
  const R* a;  // copied: (MR, k) with rows panel_k apart, or (k, wide_rows)
  const R* b;  // (k, wide_columns), vectors 2 and 3 `panel` elements further
  int64_t panel;
  const R* init;  // as in Tile
  int64_t init_row;
  R* c;
  int64_t c_row;
  const R* next;  // C of the tile that comes next
  const R* ahead;  // what to fetch into the second cache: so many bytes of either packed panel for every two k
  int64_t ahead_step;
};

template <class R, int MR, bool transposed>
void wide_tile(const WideTile<R>& t) {
  constexpr int W = width<R>, P = panel_columns<R>, V = wide_vectors;
  constexpr int64_t a_row = transposed ? 1 : panel_k<R>, a_col = transposed ? wide_rows : 1;
  vec<R> sum[MR][V];
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
  for (int v = 0; v < V; ++v) sum[i][v] = t.init ? load(t.init + i * t.init_row + v * W) : vec<R>{};
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
  for (int v = 0; v < V; v += 64 / vector_bytes) __builtin_prefetch(t.next + i * t.c_row + v * W, 1, 3);

  const R *a = t.a, *b = t.b, *b_2 = t.b + t.panel;
  const char* ahead = (const char*)t.ahead;
  const int64_t ahead_step = t.ahead_step, ahead_panel = t.panel * int64_t(sizeof(R));
  const auto step = [&](int u) __attribute__((always_inline)) {
    vec<R> row[V];
    ELMAN_UNROLL_ALL
    for (int v = 0; v < V; ++v) row[v] = load((v < 2 ? b : b_2) + u * P + v % 2 * W);
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) {
      const vec<R> x = splat(a[i * a_row + u * a_col]);
      ELMAN_UNROLL_ALL
      for (int v = 0; v < V; ++v) sum[i][v] += x * row[v];
    }
  };
  int64_t k = t.k;
  for (; k >= 2; k -= 2, a += 2 * a_col, b += 2 * P, b_2 += 2 * P) {
    step(0);
    __builtin_prefetch(ahead, 0, 2);
    step(1);
    if (V > 2) __builtin_prefetch(ahead + ahead_panel, 0, 2);
    ahead += ahead_step;
  }
  if (k) step(0);

  R* c = t.c;
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i, c += t.c_row) ELMAN_UNROLL_ALL
  for (int v = 0; v < V; ++v) store(c + v * W, sum[i][v]);
}

template <class R, bool transposed, class = typename count_up<wide_rows>::type>
struct WideTable;
template <class R, bool transposed, int... I>
struct WideTable<R, transposed, indices<I...>> {
  static constexpr void (*of_rows[])(const WideTile<R>&) = {nullptr, wide_tile<R, I + 1, transposed>...};
};

// Neighbouring rows of one of the products: what one tile takes
template <class R>
struct TileRows {
  const Matmul<R>* product;
  int64_t first;
  int rows;
};

template <class R>
void copy_tile(R* copy, const TileRows<R>& tile, int64_t k, int64_t count, bool transposed) {
  const Matmul<R>& p = *tile.product;
  if (p.rows) return copy_apart(copy, panel_k<R>, p.rows + tile.first, k, tile.rows, count, p.finite);
  const R* a = p.a + tile.first * p.a_row + k * p.a_col;
  if (!transposed) {
    for (int i = 0; i < tile.rows; ++i)
      for (int64_t j = 0; j < count; j += width<R>) store(copy + i * panel_k<R> + j, load(a + i * p.a_row + j));
  } else if (p.a_row == 1) {
    for (int64_t j = 0; j < count; ++j) __builtin_memcpy(copy + j * wide_rows, a + j * p.a_col, wide_rows * sizeof(R));
  } else {
    for (int64_t j = 0; j < count; ++j)
      for (int i = 0; i < tile.rows; ++i) copy[j * wide_rows + i] = a[i * p.a_row + j * p.a_col];
  }
}

// Columns that are too few for a wide tile
template <class R>
void run_last_columns(const WideTile<R>& wide, int rows, int64_t columns, bool transposed) {
  Tile<R> t{wide.k,
            wide.a,
            transposed ? 1 : panel_k<R>,
            transposed ? wide_rows : 1,
            wide.b,
            panel_columns<R>,
            wide.panel,
            wide.init,
            wide.init_row,
            wide.c,
            wide.c_row,
            0};
  run_row_block(t, rows, columns, wide.panel);
}

// So many tiles, one below the other, over the terms [from, to) of their sums. b: packed, of these terms alone, panels `panel` apart.
template <class R>
void run_tiles(const TileRows<R>* tiles, int64_t count, bool transposed, const R* b, int64_t panel, int64_t from,
               int64_t to) {
  constexpr int64_t P = panel_columns<R>, C = wide_columns<R>;
  alignas(64) R copy[most_tiles<R> * wide_rows * panel_k<R>];
  const int64_t deepest = transposed ? 2 * panel_k<R> : panel_k<R>;
  const int64_t n = tiles[0].product->n, terms = to - from, each = wide_rows * deepest;
  const int64_t blocks = (terms + deepest - 1) / deepest, size = (terms + blocks - 1) / blocks;
  WideTile<R> t;
  t.panel = panel;
  t.ahead_step = (2 * P * int64_t(sizeof(R)) + count - 1) / count;
  if (t.ahead_step > 64) t.ahead_step = 64;
  for (int64_t k = 0; k < terms; k += size) {
    t.k = terms - k < size ? terms - k : size;
    for (int64_t i = 0; i < count; ++i) copy_tile(copy + i * each, tiles[i], from + k, t.k, transposed);
    for (int64_t j = 0; j < n; j += C) {
      const bool last = n - j <= C;
      const R* const next = last ? b + (k + t.k < terms ? k + t.k : 0) * P : b + (j + C) / P * panel + k * P;
      t.b = b + j / P * panel + k * P;
      for (int64_t i = 0; i < count; ++i) {
        const Matmul<R>& p = *tiles[i].product;
        t.a = copy + i * each;
        t.c = p.c + tiles[i].first * p.c_row + j;
        t.c_row = p.c_row;
        const bool starts = from + k == 0;
        t.init = !starts ? t.c : p.init ? p.init + tiles[i].first * p.init_row + j : nullptr;
        t.init_row = starts ? p.init_row : p.c_row;
        if (n - j < C) {
          run_last_columns(t, tiles[i].rows, n - j, transposed);
          continue;
        }
        const TileRows<R>& following = tiles[i + 1 < count ? i + 1 : 0];
        t.next =
            following.product->c + following.first * following.product->c_row + j + (i + 1 < count || last ? 0 : C);
        t.ahead = next + i * (t.k / 2) * t.ahead_step / int64_t(sizeof(R));
        if (transposed) WideTable<R, true>::of_rows[tiles[i].rows](t);
        else WideTable<R, false>::of_rows[tiles[i].rows](t);
      }
    }
  }
}

// All rows of several products with one B. Sums over the rows of A and B (a gradient of weights) are short, and C is large: they take
// twice the terms at a time, of half the rows.
template <class R>
void run_panels(const Matmul<R>* products, int64_t count, const R* b, int64_t panel, int64_t from, int64_t to) {
  TileRows<R> tiles[most_tiles<R>];
  bool transposed = false;
  for (int64_t i = 0; i < count; ++i) transposed |= products[i].a_col != 1;
  const int64_t at_a_time = transposed ? most_tiles<R> / 2 : most_tiles<R>;
  int64_t used = 0;
  for (const Matmul<R>* p = products; p < products + count; ++p) {
    const int64_t most = (p->m + wide_rows - 1) / wide_rows;
    for (int64_t i = 0, row = 0; i < most; ++i) {
      const int64_t rows = p->m / most + (i < p->m % most);
      tiles[used++] = {p, row, int(rows)};
      row += rows;
      if (used < at_a_time) continue;
      run_tiles(tiles, used, transposed, b, panel, from, to);
      used = 0;
    }
  }
  if (used) run_tiles(tiles, used, transposed, b, panel, from, to);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
