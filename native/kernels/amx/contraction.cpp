// Products of bfloat16 operands on the tile unit (AMX): c = init + a b, operands rounded to nearest even, sums in float.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 (tiles, TDPBF16PS); Linux
// Documentation/arch/x86/xstate.rst (a process must ask before it may use tile data). A tile of A is 16 rows of 32 k; a tile of B is 16
// pairs of k by 16 columns. Two by two tiles of C stay in the unit along a block of k: each tile that is loaded serves two products.
// Cost: one conversion of A and B an element; the unit then does 16 times the multiply-adds of AVX-512. Weakness: C passes through
// memory once a block of k; it is fetched ahead, yet its traffic still costs as much as the products.
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bfloat16.h"

namespace elman {
namespace {

constexpr int64_t lines = 16, depth = 32,
                  elements = lines * depth;  // of a tile: rows of A or columns of B, k, and both
constexpr int64_t k_block = 512;
constexpr int64_t m_block = 256, n_block = 256;  // rows of A and columns of B that stay in the second cache together
constexpr int64_t far_rows = 64;  // from which C is too large to lie near

int64_t tiles(int64_t n, int64_t of) { return (n + of - 1) / of; }

__mmask16 first(int64_t n) { return n >= 16 ? __mmask16(0xFFFF) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1); }

// ---- tiles from floats ----------------------------------------------------------------------------------------------

// v[i] = 32 k of line i
void read_lines(__m512i (&v)[16], const float* from, int64_t line, int64_t valid, int64_t k) {
  const __mmask16 low = first(k), high = first(k - 16);
  for (int64_t i = 0; i < 16; ++i) {
    const float* p = from + (i < valid ? i : 0) * line;
    const __m512 a = _mm512_maskz_loadu_ps(i < valid ? low : 0, p),
                 b = _mm512_maskz_loadu_ps(i < valid ? high : 0, p + 16);
    v[i] = (__m512i)_mm512_cvtne2ps_pbh(b, a);
  }
}

// v[j] = k 2j and 2j + 1 of 16 lines, line by line
void read_pairs(__m512i (&v)[16], const float* from, int64_t k_step, int64_t valid, int64_t k) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __mmask16 mask = first(valid);
  for (int64_t j = 0; j < 16; ++j) {
    const bool one = 2 * j < k, two = 2 * j + 1 < k;
    const __m512 a = _mm512_maskz_loadu_ps(one ? mask : 0, from + (one ? 2 * j * k_step : 0));
    const __m512 b = _mm512_maskz_loadu_ps(two ? mask : 0, from + (two ? (2 * j + 1) * k_step : 0));
    v[j] = _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(b, a));
  }
}

// 16 x 16 words, in four rounds of exchanging halves of neighbours
void transpose(__m512i (&v)[16]) {
  __m512i t[16];
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 2; ++j) {
      v[4 * i + 2 * j] = _mm512_unpacklo_epi64(t[4 * i + j], t[4 * i + j + 2]);
      v[4 * i + 2 * j + 1] = _mm512_unpackhi_epi64(t[4 * i + j], t[4 * i + j + 2]);
    }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    v[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    v[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// One tile, zero where there is no line or no k. pairs: as B wants it, else as A does.
void tile(uint16_t* to, const float* from, int64_t line, int64_t k_step, int64_t valid, int64_t k, bool pairs) {
  __m512i v[16];
  if (k_step == 1) {
    read_lines(v, from, line, valid, k);
    if (pairs) transpose(v);
  } else if (line == 1) {
    read_pairs(v, from, k_step, valid, k);
    if (!pairs) transpose(v);
  } else {
    alignas(64) float copy[16][32];
    for (int64_t i = 0; i < valid && i < 16; ++i)
      for (int64_t j = 0; j < k && j < 32; ++j) copy[i][j] = from[i * line + j * k_step];
    read_lines(v, copy[0], 32, valid, k);
    if (pairs) transpose(v);
  }
  for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + i * depth, v[i]);
}

// Lines by k, tile after tile along k. What lies side by side in memory is read in that order.
void pack_tiles(uint16_t* to, const float* from, int64_t line, int64_t k_step, int64_t count, int64_t k, bool pairs) {
  const int64_t outer = k_step == 1 ? count : k, inner = k_step == 1 ? k : count, along = tiles(k, depth) * elements;
  for (int64_t x = 0; x < outer; x += k_step == 1 ? lines : depth)
    for (int64_t y = 0; y < inner; y += k_step == 1 ? depth : lines) {
      const int64_t i = k_step == 1 ? x : y, j = k_step == 1 ? y : x;
      tile(to + i / lines * along + j / depth * elements, from + i * line + j * k_step, line, k_step, count - i, k - j,
           pairs);
    }
}

// ---- two by two tiles of C ------------------------------------------------------------------------------------------

struct alignas(64) Configuration {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

struct Corner {  // one tile of C and where its sums start, in place or in a copy that is whole
  const float* init;
  int64_t init_row;
  float* c;
  int64_t c_row;
};

template <int M, int N>
void multiply(const Corner (&c)[4], const uint16_t* a, int64_t a_step, const uint16_t* b, int64_t b_step, int64_t k) {
#define ELMAN_START(tile_number, corner)                                                                    \
  if (c[corner].init) _tile_loadd(tile_number, c[corner].init, c[corner].init_row* int64_t(sizeof(float))); \
  else _tile_zero(tile_number)
#define ELMAN_END(tile_number, corner) _tile_stored(tile_number, c[corner].c, c[corner].c_row* int64_t(sizeof(float)))
  ELMAN_START(0, 0);
  if constexpr (N == 2) { ELMAN_START(1, 1); }
  if constexpr (M == 2) { ELMAN_START(2, 2); }
  if constexpr (M == 2 && N == 2) { ELMAN_START(3, 3); }
  for (int64_t i = 0; i < k; ++i, a += elements, b += elements) {
    _tile_loadd(6, b, 64);
    _tile_loadd(4, a, 64);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (N == 2) {
      _tile_loadd(7, b + b_step, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (M == 2) {
      _tile_loadd(5, a + a_step, 64);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (N == 2) _tile_dpbf16ps(3, 5, 7);
    }
  }
  ELMAN_END(0, 0);
  if constexpr (N == 2) ELMAN_END(1, 1);
  if constexpr (M == 2) ELMAN_END(2, 2);
  if constexpr (M == 2 && N == 2) ELMAN_END(3, 3);
#undef ELMAN_START
#undef ELMAN_END
}

void copy_square(float* to, int64_t to_row, const float* from, int64_t from_row, int64_t rows, int64_t columns) {
  const __mmask16 mask = first(columns);
  for (int64_t i = 0; i < rows && i < 16; ++i)
    _mm512_mask_storeu_ps(to + i * to_row, mask, _mm512_maskz_loadu_ps(mask, from + i * from_row));
}

// At most 32 rows by 32 columns of C. init and c: of its first element.
void square(const uint16_t* a, int64_t a_step, const uint16_t* b, int64_t b_step, int64_t k, const float* init,
            int64_t init_row, float* c, int64_t c_row, int64_t rows, int64_t columns, bool far) {
  for (int64_t i = 0; far && i < rows && i < 32; ++i)  // a line of C comes while the products are made
    for (int64_t j = 0; j < columns && j < 32; j += 16) __builtin_prefetch(c + i * c_row + j, 1);
  alignas(64) float copies[4][256];
  Corner corners[4];
  const bool high = rows > 16, wide = columns > 16;
  for (int i = 0; i < 4; ++i) {
    const int64_t m = i / 2 * 16, n = i % 2 * 16;
    if ((m && !high) || (n && !wide)) continue;
    const float* start = init ? init + m * init_row + n : nullptr;
    corners[i] = {start, init_row, c + m * c_row + n, c_row};
    if (rows - m >= 16 && columns - n >= 16) continue;
    if (init) copy_square(copies[i], 16, start, init_row, rows - m, columns - n);
    corners[i] = {init ? copies[i] : nullptr, 16, copies[i], 16};
  }
  auto run = high ? (wide ? multiply<2, 2> : multiply<2, 1>) : (wide ? multiply<1, 2> : multiply<1, 1>);
  run(corners, a, a_step, b, b_step, k);
  for (int i = 0; i < 4; ++i) {
    const int64_t m = i / 2 * 16, n = i % 2 * 16;
    if ((m && !high) || (n && !wide) || (rows - m >= 16 && columns - n >= 16)) continue;
    copy_square(c + m * c_row + n, c_row, copies[i], 16, rows - m, columns - n);
  }
}

// ---- the product ----------------------------------------------------------------------------------------------------

int64_t packed_size(int64_t k, int64_t n) { return tiles(n, lines) * tiles(k, depth) * elements / 2; }

int64_t scratch_size(int64_t k, int64_t n) {
  const int64_t deep = k < k_block ? k : k_block;
  return packed_size(deep, n) + packed_size(deep, m_block);
}

void pack(float* packed, const float* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n) {
  pack_tiles(reinterpret_cast<uint16_t*>(packed), b, b_col, b_row, n, k, true);
}

void block(const Matmul<float>& p, int64_t m, int64_t k, int64_t deep, const uint16_t* b, int64_t b_step, uint16_t* a) {
  const int64_t rows = p.m - m < m_block ? p.m - m : m_block, count = tiles(deep, depth);
  pack_tiles(a, p.a + m * p.a_row + k * p.a_col, p.a_row, p.a_col, rows, deep, false);
  const float* init = k ? p.c : p.init;
  const int64_t init_row = k ? p.c_row : p.init_row;
  for (int64_t from = 0; from < p.n; from += n_block)
    for (int64_t i = 0; i < rows; i += 32)
      for (int64_t n = from; n < p.n && n < from + n_block; n += 32)  // along rows of C, a page of memory after another
        square(a + i / 16 * count * elements, count * elements, b + n / 16 * b_step, b_step, count,
               init ? init + (m + i) * init_row + n : nullptr, init_row, p.c + (m + i) * p.c_row + n, p.c_row, rows - i,
               p.n - n, p.m >= far_rows);
}

void matmul(const Matmul<float>& p) {
  if (p.m <= 0 || p.n <= 0) return;
  const Configuration configuration;
  _tile_loadconfig(&configuration);
  auto* a = reinterpret_cast<uint16_t*>(p.scratch);
  uint16_t* const own = a + 2 * packed_size(p.k < k_block ? p.k : k_block, m_block);
  for (int64_t k = 0; k == 0 || k < p.k; k += k_block) {
    const int64_t deep = p.k - k < k_block ? p.k - k : k_block;
    const uint16_t* b = reinterpret_cast<const uint16_t*>(p.packed) + k / depth * elements;
    if (!p.packed) pack_tiles(own, p.b + k * p.b_row, p.b_col, p.b_row, p.n, deep, true), b = own;
    const int64_t b_step = tiles(p.packed ? p.k : deep, depth) * elements;
    for (int64_t m = 0; m < p.m; m += m_block) block(p, m, k, deep, b, b_step, a);
  }
  _tile_release();
}

constexpr Products<float> table = {packed_size, scratch_size, pack, matmul, nullptr};

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

const Products<float>* bfloat16_tiles() {
  static const bool here = supported();
  return here ? &table : nullptr;
}

}  // namespace elman
