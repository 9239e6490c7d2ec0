// Products on the tile unit (AMX), sums in float: of operands rounded to bfloat16 (to nearest even), and of floats in three parts.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 (tiles, TDPBF16PS); Linux
// Documentation/arch/x86/xstate.rst (a process must ask before it may use tile data); Henry, Tang, Heinecke, "Leveraging the bfloat16
// Artificial Intelligence Datatype For Higher-Precision Computations", 2019 (parts). Two by two tiles of C stay in the unit along a
// block of k: each tile that is loaded serves two products.
// Parts: of the nine products of two floats' parts the three smallest, below 2^-24 of the whole, are left out. Errors are less
// than half of those of a chain of multiply-adds, as the unit adds 32 terms up before it rounds. Not IEEE's in the extremes: an infinity, and
// what rounds to one (from 3.39e38), gives NaN; below 1e-33 the smaller parts are denormal and count as 0.
// Cost: one conversion of A and B an element; the unit then does 16 times the multiply-adds of AVX-512, 2.7 times in parts. Weakness: C
// passes through memory once a block of k; it is fetched ahead, yet its traffic still costs as much as the products of one part.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tiles.h"
#include "unit.h"

namespace elman {
namespace {

constexpr int64_t k_block = 512;
constexpr int64_t m_block = 256, n_block = 256;  // rows of A and columns of B that stay in the second cache together
constexpr int64_t far = 1 << 18;  // numbers of C that are too many to lie near

// ---- rows of one product, or of several that share B -----------------------------------------------------------------

struct Row {
  const Matmul<float>* of;
  int64_t number;

  const float* a(int64_t k) const {
    return of->rows ? of->rows[number] + k : of->a + number * of->a_row + k * of->a_col;
  }
  const float* init(int64_t n, bool first) const {  // behind the first block of k: what is there
    if (!first) return c(n);
    return of->init ? of->init + number * of->init_row + n : nullptr;
  }
  float* c(int64_t n) const { return of->c + number * of->c_row + n; }
};

// ---- two by two tiles of C ------------------------------------------------------------------------------------------

// Rows of the upper two tiles of C and their A (or its parts), and of the lower two; B's tiles are whole. The unit takes a cycle a row.
struct alignas(64) Configuration {
  explicit Configuration(int64_t count) {
    const auto tile = [](int64_t rows) { return uint8_t(rows < 16 ? rows : 16); };
    const uint8_t upper = tile(count), lower = tile(count > 16 ? count - 16 : count);
    const uint8_t all[8] = {upper, upper, lower, lower, upper, lower, 16, 16};
    __builtin_memcpy(rows, all, sizeof all);
  }
  const void* data() const { return this; }
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {};
};

struct Corner {  // one tile of C and where its sums start, in place or in a copy that is whole
  const float* init;
  int64_t init_row;
  float* c;
  int64_t c_row;
};

// Which parts are multiplied, in turn: one of the two stays where it can. The largest come last.
struct Factors {
  int a, b;
};
template <int parts>
constexpr Factors factors[] = {{0, 0}};
template <>
constexpr Factors factors<3>[] = {{0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}};

// A tile that is loaded a block of k from now: the second cache alone sends its lines too late
inline void fetch(const uint16_t* tile) {
  for (int i = 0; i < 16; ++i) __builtin_prefetch(tile + i * depth);
}

#define ELMAN_START(tile_number, corner)                                                                    \
  if (c[corner].init) _tile_loadd(tile_number, c[corner].init, c[corner].init_row* int64_t(sizeof(float))); \
  else _tile_zero(tile_number)
#define ELMAN_END(tile_number, corner) _tile_stored(tile_number, c[corner].c, c[corner].c_row* int64_t(sizeof(float)))

// 32 k of the upper two tiles of C, the lower two, or all. next: of the tiles of B that come after these; nullptr: they have come. The
// unit reads a tile of B for every product, or keeps it from the one before.
template <int parts, int N, bool upper, bool lower>
inline __attribute__((always_inline)) void multiply_terms(const uint16_t* a, int64_t a_step, const uint16_t* b,
                                                          int64_t b_step, const uint16_t* next) {
  Factors last{-1, -1};
  int part = 0;
#pragma GCC unroll 6
  for (const Factors f : factors<parts>) {
    const bool new_a = f.a != last.a, new_b = f.b != last.b;
    if (next && part < parts) fetch(next + part * elements);
    if (next && N == 2 && part < parts) fetch(next + b_step + part * elements);
    ++part, last = f;
    if (new_b) _tile_loadd(6, b + f.b * elements, 64);
    if (upper && new_a) _tile_loadd(4, a + f.a * elements, 64);
    if constexpr (upper) _tile_dpbf16ps(0, 4, 6);
    if (lower && new_a) _tile_loadd(5, a + a_step + f.a * elements, 64);
    if constexpr (lower) _tile_dpbf16ps(2, 5, 6);
    if (N == 2 && new_b) _tile_loadd(7, b + b_step + f.b * elements, 64);
    if constexpr (N == 2 && upper) _tile_dpbf16ps(1, 4, 7);
    if constexpr (N == 2 && lower) _tile_dpbf16ps(3, 5, 7);
  }
}

// The same in three parts, in the order of `factors`, of 16 rows at most: a tile of B is kept for all parts of A that it is multiplied with,
// so that few rows take less time.
template <int N>
inline __attribute__((always_inline)) void multiply_few(const uint16_t* a, const uint16_t* b, int64_t b_step,
                                                        const uint16_t* next) {
  for (int i = 0; i < 3; ++i) {
    fetch(next + i * elements);
    if (N == 2) fetch(next + b_step + i * elements);
  }
  _tile_loadd(3, a, 64);
  _tile_loadd(4, a + elements, 64);
  _tile_loadd(5, a + 2 * elements, 64);
#define ELMAN_COLUMN(corner, tile_number, from)        \
  _tile_loadd(tile_number, (from) + 2 * elements, 64); \
  _tile_dpbf16ps(corner, 3, tile_number);              \
  _tile_loadd(tile_number, (from) + elements, 64);     \
  _tile_dpbf16ps(corner, 3, tile_number);              \
  _tile_dpbf16ps(corner, 4, tile_number);              \
  _tile_loadd(tile_number, from, 64);                  \
  _tile_dpbf16ps(corner, 4, tile_number);              \
  _tile_dpbf16ps(corner, 5, tile_number);              \
  _tile_dpbf16ps(corner, 3, tile_number)
  ELMAN_COLUMN(0, 6, b);
  if constexpr (N == 2) { ELMAN_COLUMN(1, 7, b + b_step); }
#undef ELMAN_COLUMN
}

// The last terms of the upper tiles come before those of the lower ones: four tiles stored at once hold up what follows.
template <int parts, int M, int N>
void multiply(const Corner (&c)[4], const uint16_t* a, int64_t a_step, const uint16_t* b, int64_t b_step, int64_t k) {
  constexpr int64_t one = parts * elements;
  ELMAN_START(0, 0);
  if constexpr (N == 2) { ELMAN_START(1, 1); }
  if constexpr (M == 2) { ELMAN_START(2, 2); }
  if constexpr (M == 2 && N == 2) { ELMAN_START(3, 3); }
  const uint16_t* const following = b + N * b_step;
  if constexpr (M == 1 && parts == 3)
    for (; k > 0; --k, a += one, b += one) multiply_few<N>(a, b, b_step, k > 1 ? b + one : following);
  for (; k > 1; --k, a += one, b += one) multiply_terms<parts, N, true, M == 2>(a, a_step, b, b_step, b + one);
  if (k > 0) multiply_terms<parts, N, true, false>(a, a_step, b, b_step, following);
  ELMAN_END(0, 0);
  if constexpr (N == 2) ELMAN_END(1, 1);
  if constexpr (M == 2) {
    if (k > 0) multiply_terms<parts, N, false, true>(a, a_step, b, b_step, nullptr);
    ELMAN_END(2, 2);
    if constexpr (N == 2) ELMAN_END(3, 3);
  }
}
#undef ELMAN_START
#undef ELMAN_END

// At most 32 rows by 32 columns of C, from column n on. a, b: tiles of all k; init: whether sums start at theirs, or at C.
template <int parts>
void square(const Row* rows, int64_t count, const uint16_t* a, int64_t a_step, const uint16_t* b, int64_t b_step,
            int64_t k, int64_t n, bool init) {
  const int64_t columns = rows->of->n - n;
  alignas(64) float copies[4][256];
  Corner corners[4];
  const bool high = count > 16, wide = columns > 16;
  const auto used = [&](int i) { return (i < 2 || high) && (i % 2 == 0 || wide); };
  const auto whole = [&](int64_t m, int64_t column) {
    return columns - column >= 16 && rows[m].of == rows[count - m < 16 ? count - 1 : m + 15].of;
  };
  for (int i = 0; i < 4; ++i) {
    if (!used(i)) continue;
    const int64_t m = i / 2 * 16, column = i % 2 * 16;
    const Row& row = rows[m];
    const float* const start = row.init(n + column, init);
    corners[i] = {start, init ? row.of->init_row : row.of->c_row, row.c(n + column), row.of->c_row};
    if (whole(m, column)) continue;
    const __mmask16 mask = first(columns - column);
    for (int64_t j = 0; j < 16 && m + j < count; ++j) {
      const float* const from = rows[m + j].init(n + column, init);
      _mm512_store_ps(copies[i] + j * 16, from ? _mm512_maskz_loadu_ps(mask, from) : _mm512_setzero_ps());
    }
    corners[i] = {copies[i], 16, copies[i], 16};
  }
  auto run = high ? (wide ? multiply<parts, 2, 2> : multiply<parts, 2, 1>)
                  : (wide ? multiply<parts, 1, 2> : multiply<parts, 1, 1>);
  run(corners, a, a_step, b, b_step, k);
  for (int i = 0; i < 4; ++i) {
    const int64_t m = i / 2 * 16, column = i % 2 * 16;
    if (!used(i) || whole(m, column)) continue;
    const __mmask16 mask = first(columns - column);
    for (int64_t j = 0; j < 16 && m + j < count; ++j)
      _mm512_mask_storeu_ps(rows[m + j].c(n + column), mask, _mm512_load_ps(copies[i] + j * 16));
  }
}

// ---- the product ----------------------------------------------------------------------------------------------------

template <int parts>
int64_t packed_size(int64_t k, int64_t n) {
  return tiles(n, lines) * tiles(k, depth) * parts * elements / 2;
}

template <int parts>
int64_t scratch_size(int64_t k, int64_t n) {
  const int64_t deep = k < k_block ? k : k_block;
  return packed_size<parts>(deep, n) + packed_size<parts>(deep, m_block);
}

template <int parts>
void pack(float* packed, const float* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n) {
  pack_tiles<parts, true>(reinterpret_cast<uint16_t*>(packed), b, b_col, b_row, n, k);
}

// A's rows from k on, `deep` of them
template <int parts>
void pack_rows(uint16_t* to, const Row* rows, int64_t count, int64_t k, int64_t deep) {
  const Matmul<float>& p = *rows->of;
  if (p.a_col != 1 && !p.rows) return pack_tiles<parts, false>(to, rows->a(k), p.a_row, p.a_col, count, deep);
  for (int64_t i = 0; i < count; i += lines)
    for (int64_t j = 0; j < deep; j += depth, to += parts * elements) {
      const float* at[16];
      for (int64_t l = 0; l < lines && i + l < count; ++l) at[l] = rows[i + l].a(k + j);
      tile_of_lines<parts, false>(to, at, count - i, deep - j);
    }
}

template <int parts>
void block(const Row* rows, int64_t count, int64_t k, int64_t deep, const uint16_t* b, int64_t b_step, uint16_t* a) {
  const int64_t along = tiles(deep, depth), columns = rows->of->n;
  const bool is_far = rows->of->m * columns >= far;
  pack_rows<parts>(a, rows, count, k, deep);
  const int64_t a_step = along * parts * elements;
  const auto at = [&](int64_t i, int64_t n) {
    for (int64_t j = i; is_far && j < count && j < i + 32; ++j)  // a line of C comes while products are made
      for (int64_t l = n; l < columns && l < n + 32; l += 16) __builtin_prefetch(rows[j].c(l), 1);
    square<parts>(rows + i, count - i, a + i / 16 * a_step, a_step, b + n / 16 * b_step, b_step, along, n, k == 0);
  };
  for (int64_t from = 0; from < columns; from += n_block)
    for (int64_t i = 0; i < count; i += 32) {
      if (i == 0 || count - i < 32) _tile_loadconfig(Configuration(count - i).data());
      for (int64_t n = from; n < columns && n < from + n_block; n += 32) at(i, n);  // a page of C after another
    }
}

// Products of one B
template <int parts>
void together(const Matmul<float>* products, int64_t count) {
  const Matmul<float>& p = products[0];
  if (count > 1 && p.a_col != 1) {  // no row of A lies in one piece
    for (int64_t i = 0; i < count; ++i) together<parts>(products + i, 1);
    return;
  }
  auto* a = reinterpret_cast<uint16_t*>(p.scratch);
  uint16_t* const own = a + 2 * packed_size<parts>(p.k < k_block ? p.k : k_block, m_block);
  for (int64_t k = 0; k == 0 || k < p.k; k += k_block) {
    const int64_t deep = p.k - k < k_block ? p.k - k : k_block;
    const uint16_t* b = reinterpret_cast<const uint16_t*>(p.packed) + k / depth * parts * elements;
    if (!p.packed) pack_tiles<parts, true>(own, p.b + k * p.b_row, p.b_col, p.b_row, p.n, deep), b = own;
    const int64_t b_step = tiles(p.packed ? p.k : deep, depth) * parts * elements;
    Row rows[m_block];
    int64_t filled = 0;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t m = 0; m < products[i].m; ++m) {
        rows[filled++] = {&products[i], m};
        if (filled < m_block) continue;
        block<parts>(rows, filled, k, deep, b, b_step, a);
        filled = 0;
      }
    if (filled > 0) block<parts>(rows, filled, k, deep, b, b_step, a);
  }
  _tile_release();
}

bool finite(const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 16) {
    const __m512 x = _mm512_maskz_loadu_ps(first(count - i), from + i);
    if (_mm512_fpclass_ps_mask(x, 0x99)) return false;  // NaN of either kind, infinity of either sign
  }
  return true;
}

template <int parts>
void matmul(const Matmul<float>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  for (int64_t m = 0; p.finite && *p.finite && m < p.m; ++m) *p.finite = finite(p.rows[m], p.k);
  together<parts>(&p, 1);
}

template <int parts>
constexpr Products<float> table = {packed_size<parts>, scratch_size<parts>, pack<parts>, matmul<parts>,
                                   together<parts>};

// Whether the processor has the tile unit and AVX-512's conversions, and the system saves tiles and lets this process use them
bool supported() {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  const bool unit = (d >> 22 & 1) && (d >> 24 & 1);  // AMX-BF16, AMX-TILE
  if (!unit || !__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return false;  // AVX512_BF16
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;  // OSXSAVE: XGETBV may be asked
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr int request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
  return (low >> 17 & 3) == 3 && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

}  // namespace

bool tile_unit() {
  static const bool here = supported();
  return here;
}
const Products<float>& rounded_tiles() { return table<1>; }
const Products<float>& split_tiles() { return table<3>; }

}  // namespace elman
