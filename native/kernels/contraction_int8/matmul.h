// Product with a matrix of whole numbers of 8 bits, each column with a scale; rows of A are rounded to such numbers as they come.
//
// Source: symmetric quantisation with the largest size as the end of the scale, as in Jacob et al. 2018, "Quantization and Training of
// Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 2, with a zero point of 0; of activations "dynamic": row by
// row at run time. A row of codes is a column of the matrix, so that a scalar product reads memory in order and nothing need be packed.
// Cost: a quarter of the bytes of a product of floats, which at m = 1 is what counts. Weakness: many rows gain less than a tile unit gives.
#pragma once
#include "elman/bytes.h"
#include "elman/kernels.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t rounded_at_a_time = 32;  // rows of A whose codes stay in the first cache
constexpr int several_rows = vector_registers == 32 ? 4 : 2;  // that share a vector of B

constexpr int64_t code_row(int64_t k) { return (k + vector_bytes - 1) / vector_bytes * vector_bytes; }

inline int64_t quantized_scratch(int64_t m, int64_t k) {
  return (m < rounded_at_a_time ? m : rounded_at_a_time) * code_row(k);
}

struct Rounded {  // rows of A
  const int8_t* codes;  // code_row(k) apart, zero past k
  float step[rounded_at_a_time];
  sums excess[rounded_at_a_time];
};

// The size of the largest number of a row as bits: NaN is larger than infinity, infinity than all others.
int32_t largest_bits(const float* x, int64_t k) {
  ivec<float> most = {};
  for (int64_t i = 0; i < k; i += width<float>) {
    const int64_t left = k - i;
    const vec<float> v = left >= width<float> ? load(x + i) : load_partial(x + i, int(left));
    const ivec<float> size = (ivec<float>)absolute<float>(v);
    most = size > most ? size : most;
  }
  int32_t found = 0;
  for (int i = 0; i < width<float>; ++i) found = most[i] > found ? most[i] : found;
  return found;
}

// A row's codes; returns what a unit of them stands for. A row that is not finite has a step of NaN, one that is as good as 0 of 0.
float round_row(int8_t* codes, const float* x, int64_t k) {
  constexpr int32_t infinity = 0x7F800000, least = (127 - 100) << 23;  // 2^-100
  const int32_t found = largest_bits(x, k);
  float largest;
  __builtin_memcpy(&largest, &found, sizeof found);
  const bool usable = found < infinity && found >= least;
  const vec<float> factor = splat(usable ? 127.0f / largest : 0.0f);
  for (int64_t i = 0; i < code_row(k); i += width<float>) {
    const int64_t left = k - i;
    const vec<float> v = left >= width<float> ? load(x + i) : load_partial(x + i, left > 0 ? int(left) : 0);
    store_rounded(codes + i, usable ? v * factor : vec<float>{});
  }
  return usable ? largest / 127.0f : found >= infinity ? __builtin_nanf("") : 0.0f;
}

void round_rows(Rounded& r, int8_t* codes, const float* a, int64_t a_row, int64_t rows, int64_t k) {
  r.codes = codes;
  for (int64_t i = 0; i < rows; ++i, codes += code_row(k)) {
    r.step[i] = round_row(codes, a + i * a_row, k);
    if constexpr (!biased) continue;
    r.excess[i] = sums{};
    for (int64_t j = 0; j < k; j += vector_bytes) r.excess[i] = dot(r.excess[i], bytes{}, load_bytes(codes + j));
  }
}

// MR rows from the first of r on by NC columns, of which `columns` are there; b, scale and c: of the first.
template <int MR, int NC>
ELMAN_INLINE void code_tile(const QuantizedMatmul& p, const Rounded& r, int64_t first, const int8_t* b,
                            const float* scale, float* c, int64_t columns) {
  const int8_t *row[NC], *x[MR];
  ELMAN_UNROLL_ALL
  for (int j = 0; j < NC; ++j) row[j] = b + (j < columns ? j : columns - 1) * p.k;
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) x[i] = r.codes + (first + i) * code_row(p.k);
  sums sum[MR][NC];
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
  for (int j = 0; j < NC; ++j) sum[i][j] = biased ? -r.excess[first + i] : sums{};
  for (int64_t k = 0; k < p.k; k += vector_bytes) {
    bytes v[MR];
    ELMAN_UNROLL_ALL
    for (int i = 0; i < MR; ++i) v[i] = load_bytes(x[i] + k);
    ELMAN_UNROLL_ALL
    for (int j = 0; j < NC; ++j) {
      const bytes w = load_bytes(row[j] + k);
      ELMAN_UNROLL_ALL
      for (int i = 0; i < MR; ++i) sum[i][j] = dot(sum[i][j], w, v[i]);
    }
  }
  ELMAN_UNROLL_ALL
  for (int i = 0; i < MR; ++i) ELMAN_UNROLL_ALL
  for (int j = 0; j < NC; j += 4) {
    const quarter<float> exact = sums_of_four(sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]);
    const quarter<float> value = exact * r.step[first + i] * load_quarter(scale + j);
    const int64_t left = columns - j;
    if (left > 0) __builtin_memcpy(c + i * p.c_row + j, &value, size_t(left < 4 ? left : 4) * sizeof(float));
  }
}

template <int MR, int NC>
void code_columns(const QuantizedMatmul& p, const Rounded& r, int64_t first, int64_t from, int64_t to, float* c) {
  for (int64_t n = from; n < to; n += NC)
    code_tile<MR, NC>(p, r, first, p.b + n * p.k, p.scale + n, c + first * p.c_row + n, to - n < NC ? to - n : NC);
}

void quantized_matmul(const QuantizedMatmul& p) {
  constexpr int64_t block = 16;  // columns whose codes all rows read before the next
  Rounded r;
  for (int64_t m = 0; m < p.m; m += rounded_at_a_time) {
    const int64_t rows = p.m - m < rounded_at_a_time ? p.m - m : rounded_at_a_time;
    float* const c = p.c + m * p.c_row;
    round_rows(r, p.scratch, p.a + m * p.a_row, p.a_row, rows, p.k);
    if (rows == 1) {
      code_columns<1, 8>(p, r, 0, 0, p.n, c);
      continue;
    }
    for (int64_t n = 0; n < p.n; n += block) {
      const int64_t end = p.n - n < block ? p.n : n + block;
      int64_t i = 0;
      for (; i + several_rows <= rows; i += several_rows) code_columns<several_rows, 4>(p, r, i, n, end, c);
      for (; i < rows; ++i) code_columns<1, 4>(p, r, i, n, end, c);
    }
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
