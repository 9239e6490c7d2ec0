// One register tile of a matrix product: MR rows times NV vectors of columns, held in registers along the whole of k.
//
// Every element is one chain of fused multiply-adds (parts.h adds up several), so its bits do not depend on MR and NV. (The
// baseline of x86 has no fused instruction: there each link rounds twice.) Columns past the last are computed from whatever
// follows B's row and never stored. Cost: MR + NV loads for MR * NV multiply-adds.
#pragma once
#include "elman/kernels.h"
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int panel_vectors = 2;  // of a packed panel
template <class R>
constexpr int panel_columns = panel_vectors * width<R>;

// Rows that keep NV vectors of accumulators in registers, with one row of B and one element of A
template <int NV>
constexpr int tile_rows = vector_registers == 32 ? (NV == 1   ? 16
                                                    : NV == 2 ? 12
                                                    : NV == 3 ? 8
                                                    : NV == 4 ? 6
                                                              : 2)
                                                 : (NV == 1   ? 12
                                                    : NV == 2 ? 6
                                                    : NV == 4 ? 3
                                                              : 1);

enum class Turning : uint8_t { no, there, back };  // Matmul::back, where it pays

template <class R>
struct Tile {
  int64_t k;
  const R* a;  // (MR, k) at a_row, a_col
  int64_t a_row, a_col;
  const R* b;  // (k, NV * width) rows b_row apart; vectors 2 and 3, 4 and 5, ... start `panel` elements further
  int64_t b_row, panel;
  const R* init;  // (MR, NV * width) rows init_row apart, or nullptr; may be c
  int64_t init_row;
  R* c;  // (MR, NV * width) rows c_row apart
  int64_t c_row;
  int last;  // columns of the last vector, 1 .. width
  Turning turning = Turning::no;
  const R* const* rows = nullptr;  // Matmul::rows, from the tile's on: then a is to be a copy of them,
  int64_t column = 0;  // from this column on
  bool* finite = nullptr;  // Matmul::finite
};

// odd: B begins with the second vector of a panel.
template <class R, int MR, int NV, bool odd = false>
ELMAN_INLINE void compute_tile(const Tile<R>& t) {
  constexpr int W = width<R>, groups = (MR + 3) / 4;  // four rows share a pointer: few enough for the address registers
  vec<R> sum[MR][NV];
  if (t.init) {
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) sum[i][v] = load(t.init + i * t.init_row + v * W);
  } else {
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) sum[i][v] = vec<R>{};
  }

  const R* a[groups];
  ELMAN_UNROLL_ALL
  for (int g = 0; g < groups; ++g) a[g] = t.a + g * 4 * t.a_row;
  const R* b = t.b;
  const int64_t a_row = t.a_row, a_row_3 = 3 * t.a_row, a_col = t.a_col, b_row = t.b_row, panel = t.panel;
  for (int64_t k = t.k; k > 0; --k) {
    vec<R> row[NV];
    ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) row[v] = load(b + (v + odd) / 2 * panel + ((v + odd) % 2 - odd) * W);
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) {
      const vec<R> x = splat(a[i / 4][i % 4 == 3 ? a_row_3 : i % 4 * a_row]);
      ELMAN_UNROLL_ALL
      for (int v = 0; v < NV; ++v) sum[i][v] += x * row[v];
    }
    b += b_row;
    ELMAN_UNROLL_ALL
    for (int g = 0; g < groups; ++g) a[g] += a_col;
  }

  R* c = t.c;
  const int64_t c_row = t.c_row;
  const int last = t.last;
  if (last == W) {
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i, c += c_row) ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) store(c + v * W, sum[i][v]);
  } else {
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i, c += c_row) {
      ELMAN_UNROLL_ALL
      for (int v = 0; v + 1 < NV; ++v) store(c + v * W, sum[i][v]);
      store_partial(c + (NV - 1) * W, sum[i][NV - 1], last);
    }
  }
}

template <class R, int MR, int NV, bool odd = false>
void register_tile(const Tile<R>& t) {
  compute_tile<R, MR, NV, odd>(t);
}

template <class R>
using TileFunction = void (*)(const Tile<R>&);
template <class R, int NV, bool odd = false, class = typename count_up<tile_rows<NV>>::type>
struct TileTable;
template <class R, int NV, bool odd, int... I>
struct TileTable<R, NV, odd, indices<I...>> {
  static constexpr TileFunction<R> of_rows[] = {nullptr, register_tile<R, I + 1, NV, odd>...};
};

// One row, by how many vectors of columns it has. As many chains of sums as there are registers for hide each other's latency, and
// B is read from end to end, as it lies in memory.
constexpr int row_vectors = vector_registers == 32 ? 16 : 12;
template <class R, class = typename count_up<row_vectors>::type>
struct RowTable;
template <class R, int... I>
struct RowTable<R, indices<I...>> {
  static constexpr TileFunction<R> of_vectors[] = {nullptr, register_tile<R, 1, I + 1>...};
};

}  // namespace
}  // namespace elman::ELMAN_TARGET
