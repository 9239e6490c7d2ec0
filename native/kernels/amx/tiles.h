// Tiles of bfloat16 numbers from matrices of floats, whole or in parts.
//
// A tile of A is 16 rows of 32 k; a tile of B is 16 pairs of k by 16 columns. A float is the sum of three bfloat16 numbers (8 bits of
// its 24 each), so `parts` is 1, the float rounded, or 3: a tile for each part, the largest first, one after another.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace elman {
namespace {

constexpr int64_t lines = 16, depth = 32,
                  elements = lines * depth;  // of a tile: rows of A or columns of B, k, and both

inline int64_t tiles(int64_t n, int64_t of) { return (n + of - 1) / of; }

inline __mmask16 first(int64_t n) {
  return n >= 16 ? __mmask16(0xFFFF) : n <= 0 ? __mmask16(0) : __mmask16((1u << n) - 1);
}

// x = the sum of p, each with no more than the upper half of a float but the last, whose lower half is 0 but for NaN. What rounds
// beyond the largest bfloat16 is infinite, and an infinity gives NaN with its next part.
inline void split(__m512 x, __m512i (&p)[3]) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(int(0xFFFF0000));
  p[0] = _mm512_and_si512(_mm512_add_epi32((__m512i)x, half), upper);
  const __m512 rest = _mm512_sub_ps(x, (__m512)p[0]);
  p[1] = _mm512_and_si512(_mm512_add_epi32((__m512i)rest, half), upper);
  p[2] = (__m512i)_mm512_sub_ps(rest, (__m512)p[1]);
}

// The parts of 16 + 16 floats: those of `a` before those of `b`, or by turns
template <int parts, bool turns>
void convert(__m512 a, __m512 b, __m512i (&to)[parts]) {
  if constexpr (parts == 1) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const __m512i side_by_side = (__m512i)_mm512_cvtne2ps_pbh(b, a);
    to[0] = turns ? _mm512_permutexvar_epi16(order, side_by_side) : side_by_side;
  } else {
    const __m512i uppers = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27,
                                            25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    __m512i low[parts], high[parts];
    split(a, low), split(b, high);
    for (int p = 0; p < parts; ++p)
      to[p] = turns ? _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(low[p], 16), high[p])
                    : _mm512_permutex2var_epi16(low[p], uppers, high[p]);
  }
}

// 16 x 16 words, in four rounds of exchanging halves of neighbours
inline void transpose(__m512i (&v)[16]) {
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

// Tiles of lines whose k lie side by side, each anywhere: zero where there is no line or no k. pairs: as B wants them, else as A does.
template <int parts, bool pairs>
void tile_of_lines(uint16_t* to, const float* const* from, int64_t valid, int64_t k) {
  const __mmask16 low = first(k), high = first(k - 16);
  __m512i all[parts][16];
  for (int64_t i = 0; i < 16; ++i) {
    const float* p = from[i < valid ? i : 0];
    __m512i v[parts];
    convert<parts, false>(_mm512_maskz_loadu_ps(i < valid ? low : 0, p),
                          _mm512_maskz_loadu_ps(i < valid ? high : 0, p + 16), v);
    for (int q = 0; q < parts; ++q)
      if constexpr (pairs) all[q][i] = v[q];
      else _mm512_storeu_si512(to + q * elements + i * depth, v[q]);
  }
  if constexpr (pairs)
    for (int q = 0; q < parts; ++q) {
      transpose(all[q]);
      for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + q * elements + i * depth, all[q][i]);
    }
}

// The same of lines that lie side by side, one k after another
template <int parts, bool pairs>
void tile_of_columns(uint16_t* to, const float* from, int64_t k_step, int64_t valid, int64_t k) {
  const __mmask16 mask = first(valid);
  __m512i all[parts][16];
  for (int64_t j = 0; j < 16; ++j) {
    const bool one = 2 * j < k, two = 2 * j + 1 < k;
    __m512i v[parts];
    convert<parts, true>(_mm512_maskz_loadu_ps(one ? mask : 0, from + (one ? 2 * j * k_step : 0)),
                         _mm512_maskz_loadu_ps(two ? mask : 0, from + (two ? (2 * j + 1) * k_step : 0)), v);
    for (int q = 0; q < parts; ++q)
      if constexpr (!pairs) all[q][j] = v[q];
      else _mm512_storeu_si512(to + q * elements + j * depth, v[q]);
  }
  if constexpr (!pairs)
    for (int q = 0; q < parts; ++q) {
      transpose(all[q]);
      for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + q * elements + i * depth, all[q][i]);
    }
}

template <int parts, bool pairs>
void convert_tile(uint16_t* to, const float* from, int64_t line, int64_t k_step, int64_t valid, int64_t k) {
  if (k_step != 1 && line == 1) return tile_of_columns<parts, pairs>(to, from, k_step, valid, k);
  const float* at[16];
  alignas(64) float copy[16][32];
  for (int64_t i = 0; i < valid && i < 16; ++i) {
    at[i] = from + i * line;
    if (k_step == 1) continue;
    for (int64_t j = 0; j < k && j < 32; ++j) copy[i][j] = at[i][j * k_step];
    at[i] = copy[i];
  }
  tile_of_lines<parts, pairs>(to, at, valid, k);
}

// Lines by k, tile after tile along k. What lies side by side in memory is read in that order.
template <int parts, bool pairs>
void pack_tiles(uint16_t* to, const float* from, int64_t line, int64_t k_step, int64_t count, int64_t k) {
  constexpr int64_t one = parts * elements;
  const int64_t outer = k_step == 1 ? count : k, inner = k_step == 1 ? k : count, along = tiles(k, depth) * one;
  for (int64_t x = 0; x < outer; x += k_step == 1 ? lines : depth)
    for (int64_t y = 0; y < inner; y += k_step == 1 ? depth : lines) {
      const int64_t i = k_step == 1 ? x : y, j = k_step == 1 ? y : x;
      convert_tile<parts, pairs>(to + i / lines * along + j / depth * one, from + i * line + j * k_step, line, k_step,
                                 count - i, k - j);
    }
}

}  // namespace
}  // namespace elman
