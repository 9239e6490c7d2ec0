// Few columns and a long k: two or four chains of sums for each element, an equal part of k each, added up in their order.
//
// One row of two vectors has two chains, and a multiply-add waits four cycles for the one before it: with one chain an element the
// units stand still for three of four cycles, and the way back through time is such products. Bits depend on N and K alone, as
// everywhere: a row among others has the same chains. Sums over the rows of A (gradients of weights) have rows enough.
#pragma once
#include "contraction/rows.h"

namespace elman::ELMAN_TARGET {
namespace {

// So many chains; shorter sums end before they are under way.
template <class R>
int chains_of(const Matmul<R>& p) {
  if (p.n > panel_columns<R> || !(p.rows || p.a_col == 1)) return 1;
  return p.k >= 96 ? 4 : p.k >= 32 ? 2 : 1;
}

// Rows whose elements, in NV vectors, have a register for each chain
constexpr int most_chained_rows = 6;
template <int chains, int NV>
constexpr int chained_rows = (vector_registers == 32 ? 24 : 12) / (chains * NV) < most_chained_rows
                                 ? (vector_registers == 32 ? 24 : 12) / (chains * NV)
                                 : most_chained_rows;

// Where a chain begins
ELMAN_INLINE int64_t part_start(int64_t k, int part, int chains) { return k * part / chains; }

template <class R>
struct PartTile {
  int64_t k;
  const R* a[most_chained_rows];  // rows of A, columns contiguous
  const R* b;  // (k, NV * width), rows b_row apart
  int64_t b_row;
  const R* init;  // or nullptr
  int64_t init_row;
  R* c;
  int64_t c_row;
  int last;  // columns of the last vector
};

template <class R, int parts, int MR, int NV>
ELMAN_INLINE void compute_parts(const PartTile<R>& t) {
  constexpr int W = width<R>;
  vec<R> sum[parts][MR][NV];
  ELMAN_UNROLL_ALL
  for (int q = 0; q < parts; ++q) ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
  for (int v = 0; v < NV; ++v) sum[q][i][v] = q == 0 && t.init ? load(t.init + i * t.init_row + v * W) : vec<R>{};

  const int64_t b_row = t.b_row;
  const R* b[parts];
  int64_t at[parts];
  ELMAN_UNROLL_ALL
  for (int q = 0; q < parts; ++q) b[q] = t.b + part_start(t.k, q, parts) * b_row, at[q] = part_start(t.k, q, parts);
  const auto step = [&](int q) __attribute__((always_inline)) {
    vec<R> row[NV];
    ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) row[v] = load(b[q] + v * W);
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) {
      const vec<R> x = splat(t.a[i][at[q]]);
      ELMAN_UNROLL_ALL
      for (int v = 0; v < NV; ++v) sum[q][i][v] += x * row[v];
    }
    b[q] += b_row;
    ++at[q];
  };
  for (int64_t k = t.k / parts; k > 0; --k) ELMAN_UNROLL_ALL
  for (int q = 0; q < parts; ++q) step(q);
  ELMAN_UNROLL_ALL
  for (int q = 0; q < parts; ++q)
    if (part_start(t.k, q + 1, parts) - part_start(t.k, q, parts) > t.k / parts) step(q);

  R* c = t.c;
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i, c += t.c_row) ELMAN_UNROLL_ALL
  for (int v = 0; v < NV; ++v) {
    vec<R> all = sum[0][i][v];
    ELMAN_UNROLL_ALL
    for (int q = 1; q < parts; ++q) all += sum[q][i][v];
    if (v + 1 < NV || t.last == W) store(c + v * W, all);
    else store_partial(c + v * W, all, t.last);
  }
}

template <class R, int parts, int MR, int NV>
void part_tile(const PartTile<R>& t) {
  compute_parts<R, parts, MR, NV>(t);
}

template <class R, int parts, int NV, class = typename count_up<chained_rows<parts, NV>>::type>
struct PartTable;
template <class R, int parts, int NV, int... I>
struct PartTable<R, parts, NV, indices<I...>> {
  static constexpr void (*of_rows[])(const PartTile<R>&) = {nullptr, part_tile<R, parts, I + 1, NV>...};
};

// All chains side by side, of as many rows as have the registers
template <class R, int parts, int NV>
void run_parts_at_once(const Matmul<R>& p, const R* b, int64_t b_row) {
  constexpr int most = chained_rows<parts, NV>;
  const int64_t blocks = (p.m + most - 1) / most;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t row = p.m * block / blocks, rows = p.m * (block + 1) / blocks - row;
    PartTile<R> t{p.k,
                  {},
                  b,
                  b_row,
                  p.init ? p.init + row * p.init_row : nullptr,
                  p.init_row,
                  p.c + row * p.c_row,
                  p.c_row,
                  int(p.n - (NV - 1) * width<R>)};
    for (int64_t i = 0; i < rows; ++i) t.a[i] = p.a + (row + i) * p.a_row;
    PartTable<R, parts, NV>::of_rows[rows](t);
  }
}

// c += part, whose rows are a panel apart
template <class R>
void add_part(R* c, int64_t c_row, const R* part, int64_t rows, int64_t n) {
  constexpr int W = width<R>, P = panel_columns<R>;
  for (int64_t i = 0; i < rows; ++i, c += c_row, part += P) {
    int64_t j = 0;
    for (; j + W <= n; j += W) store(c + j, load(c + j) + load(part + j));
    if (j < n) store_partial(c + j, load_partial(c + j, int(n - j)) + load(part + j), int(n - j));
  }
}

// One chain after another, of many rows, or of such as lie apart: those are copied, some columns at a time.
template <class R>
void run_parts_in_turn(const Matmul<R>& p, int parts, const R* b, int64_t b_row) {
  constexpr int P = panel_columns<R>, most = tile_rows<2>;
  alignas(64) R part[most * P], copy[most * k_block<R>];
  const int64_t blocks = (p.m + most - 1) / most;
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t row = p.m * block / blocks, rows = p.m * (block + 1) / blocks - row;
    R* const c = p.c + row * p.c_row;
    for (int q = 0; q < parts; ++q) {
      const int64_t first = part_start(p.k, q, parts), end = part_start(p.k, q + 1, parts),
                    longest = p.rows ? k_block<R> : end;
      Tile<R> t{0, nullptr, p.a_row, 1, nullptr, b_row, 0, nullptr, p.init_row, q ? part : c, q ? P : p.c_row, 0};
      if (q == 0 && p.init) t.init = p.init + row * p.init_row;
      for (int64_t k = first; k < end; k += t.k) {
        t.k = end - k < longest ? end - k : longest;
        t.b = b + k * b_row;
        if (p.rows) {
          copy_apart(copy, k_block<R>, p.rows + row, k, rows, t.k, p.finite);
          t.a = copy, t.a_row = k_block<R>;
        } else {
          t.a = p.a + row * p.a_row + k;
        }
        if (k > first) t.init = t.c, t.init_row = t.c_row;
        run_row_block(t, rows, p.n, int64_t(0));
      }
      if (q > 0) add_part(c, p.c_row, part, rows, p.n);
    }
  }
}

template <class R>
void run_parts(const Matmul<R>& p, int parts) {
  constexpr int P = panel_columns<R>;
  const R* b = p.packed ? p.packed : p.b;
  int64_t b_row = p.packed ? P : p.b_row;
  if (!p.packed && p.b_col != 1 && p.n > 1) {
    pack(p.scratch, p.b, p.b_row, p.b_col, p.k, p.n);
    b = p.scratch, b_row = P;
  }
  const bool two = p.n > width<R>, four = parts == 4;
  if (p.rows || (four && p.m > chained_rows<4, 2>)) run_parts_in_turn(p, parts, b, b_row);
  else if (four) (two ? run_parts_at_once<R, 4, 2> : run_parts_at_once<R, 4, 1>)(p, b, b_row);
  else (two ? run_parts_at_once<R, 2, 2> : run_parts_at_once<R, 2, 1>)(p, b, b_row);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
