// Matrix product: which form A and B are read in, and in what order the register tiles run (rows.h, panels.h, parts.h).
//
// Forms of B, best first: packed by the caller; read in place (columns contiguous and few enough, or few rows to serve); packed here
// into scratch, block by block; the roles of A and B exchanged when there are few columns. Cost: 2 m n k operations at 85-95 % of the
// multiply-add rate for large sizes. Weakness: with m = 1 each weight is used once, so the cache or memory that holds B sets the pace.
#pragma once
#include "contraction/panels.h"
#include "contraction/parts.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t n_block = 512;  // a block of B: 512 KB
constexpr int64_t slender_k = 64;  // k block of the exchanged form: its copy of A stays on the stack

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

// Whether a cache cannot keep all of B, so that who begins with what was read last finds it there: the second cache, or the first,
// where a block of columns leaves room for others. A B in place that is far larger, or whose rows crowd a few sets of the cache, gains
// nothing: strips of it come from further away fastest.
template <class R>
bool worth_turning(const Matmul<R>& p) {
  constexpr int64_t first = 40 * 1024, second = 1536 * 1024, far = 5120 * 1024;
  const int64_t bytes = p.k * p.n * int64_t(sizeof(R)), block = p.k * turning_vectors * vector_bytes;
  if (!p.packed && worth_strips(p)) {
    const int64_t all = bytes + p.others;
    return all > second && all <= far && p.b_row * int64_t(sizeof(R)) % 2048 != 0;
  }
  return bytes > second || (bytes > first && block <= first);
}

// One row in one piece: a step of a stream, or of one sequence. It is asked for so often that the choice of a form would count.
template <class R>
void run_one_row(const Matmul<R>& p) {
  constexpr int P = panel_columns<R>;
  const bool packed = p.packed != nullptr;
  Tile<R> t{p.k,        p.a, p.a_row, 1, packed ? p.packed : p.b, packed ? P : p.b_row, packed ? p.k * P : P, p.init,
            p.init_row, p.c, p.c_row, 0};
  if (worth_turning(p)) t.turning = p.back ? Turning::back : Turning::there;
  else if (!packed && worth_strips(p)) return run_strips(t, p);
  run_row_block(t, 1, p.n, t.panel);
}

enum class Form { packed, in_place, pack_here };

template <class R>
void run_blocks(const Matmul<R>& p, Form form) {
  constexpr int P = panel_columns<R>;
  const bool packed = form == Form::packed;
  Tile<R> t{
      p.k,        p.a, p.a_row, p.a_col, packed ? p.packed : p.b, packed ? P : p.b_row, packed ? p.k * P : P, p.init,
      p.init_row, p.c, p.c_row, 0};
  t.rows = p.rows;
  t.finite = p.finite;
  if (form == Form::in_place && worth_strips(p)) return run_strips(t, p);
  const bool whole = (p.m <= tile_rows<2> && !p.rows) || (p.k <= k_block<R> && p.n <= n_block);
  if (form != Form::pack_here && whole) return run_block(t, p.m, p.n, t.panel);
  const int64_t k_blocks = (p.k + k_block<R> - 1) / k_block<R>, k_size = (p.k + k_blocks - 1) / k_blocks;
  for (int64_t n = 0; n < p.n; n += n_block)
    for (int64_t k = 0; k < p.k; k += k_size) {
      const int64_t columns = p.n - n < n_block ? p.n - n : n_block;
      t.k = p.k - k < k_size ? p.k - k : k_size;
      if (!p.rows) t.a = p.a + k * p.a_col;
      t.rows = p.rows;
      t.column = k;
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

// Many rows, and so large a B that every few rows of A would read much of the second cache
template <class R>
bool worth_panels(int64_t m, int64_t n, int64_t k) {
  return m >= 2 * wide_rows && n >= 2 * wide_columns<R> && k >= 64 && k * n * int64_t(sizeof(R)) >= 512 * 1024;
}

// B is packed some terms at a time, so many that the second cache holds them for many columns.
template <class R>
void pack_and_run_panels(const Matmul<R>& p) {
  constexpr int64_t most = 2 * panel_k<R>;
  const int64_t blocks = (p.k + most - 1) / most, size = (p.k + blocks - 1) / blocks;
  for (int64_t k = 0; k < p.k; k += size) {
    const int64_t terms = p.k - k < size ? p.k - k : size;
    pack(p.scratch, p.b + k * p.b_row, p.b_row, p.b_col, terms, p.n);
    run_panels(&p, 1, p.scratch, terms * panel_columns<R>, k, k + terms);
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

// block (N, a panel) = init, of `rows` rows from m on; the others 0
template <class R>
void load_slender(const Matmul<R>& p, int64_t m, int rows, R* block) {
  constexpr int P = panel_columns<R>;
  for (int j = 0; j < p.n; ++j)
    for (int i = 0; i < P; ++i) block[j * P + i] = p.init && i < rows ? p.init[(m + i) * p.init_row + j] : R(0);
}
template <class R>
void store_slender(const Matmul<R>& p, int64_t m, int rows, const R* block) {
  for (int j = 0; j < p.n; ++j)
    for (int i = 0; i < rows; ++i) p.c[(m + i) * p.c_row + j] = block[j * panel_columns<R> + i];
}

// block (N, a panel) += terms `first` to `end` of `rows` rows of A from m on
template <class R>
void add_slender(const Matmul<R>& p, int64_t m, int rows, int64_t first, int64_t end, R* block) {
  constexpr int W = width<R>, P = panel_columns<R>;
  alignas(64) R lanes[slender_k * P];
  const R* b = p.packed ? p.packed : p.b;
  const int64_t b_row = p.packed ? P : p.b_row, b_col = p.packed ? 1 : p.b_col;
  for (int64_t k = first; k < end; k += slender_k) {
    const int64_t size = end - k < slender_k ? end - k : slender_k;
    Tile<R> t{size, b + k * b_row, b_col, b_row, p.a + m * p.a_row + k * p.a_col, p.a_col, 0, block, P, block, P, W};
    if (p.a_row != 1) {
      pack_panel(lanes, t.b, p.a_col, p.a_row, size, rows);
      t.b = lanes;
      t.b_row = P;
    }
    if (rows > W) TileTable<R, 2>::of_rows[p.n](t);
    else TileTable<R, 1>::of_rows[p.n](t);
  }
}

template <class R>
void run_slender(const Matmul<R>& p) {
  constexpr int P = panel_columns<R>;
  alignas(64) R block[slender_columns<R> * P], part[slender_columns<R> * P];
  const int chains = chains_of(p);
  for (int64_t m = 0; m < p.m; m += P) {
    const int rows = int(p.m - m < P ? p.m - m : P);
    load_slender(p, m, rows, block);
    add_slender(p, m, rows, 0, part_start(p.k, 1, chains), block);
    for (int chain = 1; chain < chains; ++chain) {
      __builtin_memset(part, 0, sizeof part);
      add_slender(p, m, rows, part_start(p.k, chain, chains), part_start(p.k, chain + 1, chains), part);
      add_part(block, P, part, p.n, P);
    }
    store_slender(p, m, rows, block);
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
  if (p.n <= slender_columns<R> && p.m > 16 && !p.rows) return run_slender(p);
  if (const int chains = chains_of(p); chains > 1) return run_parts(p, chains);
  if (p.m == 1 && p.a_col == 1 && !p.rows && (p.packed || p.b_col == 1)) return run_one_row(p);
  const bool panels = worth_panels<R>(p.m, p.n, p.k), in_place = (p.b_col == 1 || p.n == 1) && !worth_packing(p);
  if (p.packed && panels) return run_panels(&p, 1, p.packed, p.k * panel_columns<R>, 0, p.k);
  if (p.packed) return run_blocks(p, Form::packed);
  if (panels && !in_place) return pack_and_run_panels(p);
  return run_blocks(p, in_place ? Form::in_place : Form::pack_here);
}

// One row by a matrix of few columns, asked for at every step of one sequence: nothing is looked at but pointers, and a number of rows
// that may have become another.
template <class R, int NV>
void run_small_row(const Matmul<R>& p) {
  if (p.m != 1) return matmul(p);
  const bool packed = p.packed != nullptr;
  compute_tile<R, 1, NV>({p.k, p.a, 0, 1, packed ? p.packed : p.b, packed ? panel_columns<R> : p.b_row,
                          packed ? p.k * panel_columns<R> : panel_columns<R>, p.init, 0, p.c, 0,
                          int(p.n - (NV - 1) * width<R>)});
}
template <class R, int chains, int NV>
void run_small_parts(const Matmul<R>& p) {
  if (p.m != 1) return matmul(p);
  const bool packed = p.packed != nullptr;
  compute_parts<R, chains, 1, NV>({p.k,
                                   {p.a},
                                   packed ? p.packed : p.b,
                                   packed ? panel_columns<R> : p.b_row,
                                   p.init,
                                   0,
                                   p.c,
                                   0,
                                   int(p.n - (NV - 1) * width<R>)});
}

template <class R, class = typename count_up<row_vectors>::type>
struct SmallRowTable;
template <class R, int... I>
struct SmallRowTable<R, indices<I...>> {
  static constexpr MatmulFunction<R> of_vectors[] = {nullptr, run_small_row<R, I + 1>...};
};

template <class R>
MatmulFunction<R> choose_matmul(const Matmul<R>& p) {
  const int64_t vectors = (p.n + width<R> - 1) / width<R>;
  const bool row = p.m == 1 && p.a_col == 1 && !p.rows && (p.packed || p.b_col == 1);
  if (!row || p.k * p.n == 0 || vectors > row_vectors || worth_turning(p)) return matmul<R>;
  const int chains = chains_of(p);
  if (chains == 4) return vectors == 1 ? run_small_parts<R, 4, 1> : run_small_parts<R, 4, 2>;
  if (chains == 2) return vectors == 1 ? run_small_parts<R, 2, 1> : run_small_parts<R, 2, 2>;
  return SmallRowTable<R>::of_vectors[vectors];
}

// Several products of one B, packed: it is read once for them all.
template <class R>
void matmul_together(const Matmul<R>* products, int64_t count) {
  int64_t rows = 0;
  for (int64_t i = 0; i < count; ++i) rows += products[i].m;
  const Matmul<R>& p = products[0];
  if (worth_panels<R>(rows, p.n, p.k)) return run_panels(products, count, p.packed, p.k * panel_columns<R>, 0, p.k);
  for (int64_t i = 0; i < count; ++i) matmul(products[i]);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
