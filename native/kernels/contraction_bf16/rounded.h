// Products of bfloat16 operands without a unit for them: operands rounded to nearest even, then the ordinary product.
//
// Exact: a product of two bfloat16 numbers is a float. Slower than the product of floats by the rounding of A. The definition is
// executors/reference.py; the tile unit adds up in another order.
#pragma once
#include "contraction/matmul.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int64_t rounded_rows = 64;  // of A, rounded at a time

template <class R>
R rounded(R x) {
  const float given = float(x);
  uint32_t word;
  __builtin_memcpy(&word, &given, sizeof word);
  if (given == given) word = (word + 0x7FFF + (word >> 16 & 1)) & 0xFFFF0000;
  float result;
  __builtin_memcpy(&result, &word, sizeof word);
  return R(result);
}

template <class R>
int64_t rounded_scratch(int64_t k, int64_t n) {
  return packed_size<R>(k, n) + rounded_rows * k;
}

template <class R>
void rounded_pack(R* packed, const R* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n) {
  pack(packed, b, b_row, b_col, k, n);
  const int64_t count = packed_size<R>(k, n);
  for (int64_t i = 0; i < count; ++i) packed[i] = rounded(packed[i]);
}

template <class R>
void rounded_matmul(const Matmul<R>& p) {
  R* const a = p.scratch + packed_size<R>(p.k, p.n);
  if (!p.packed && p.m > 0) rounded_pack(p.scratch, p.b, p.b_row, p.b_col, p.k, p.n);
  for (int64_t m = 0; m < p.m; m += rounded_rows) {
    const int64_t rows = p.m - m < rounded_rows ? p.m - m : rounded_rows;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < p.k; ++k) a[i * p.k + k] = rounded(p.a[(m + i) * p.a_row + k * p.a_col]);
    matmul<R>({rows, p.n, p.k, a, p.k, 1, nullptr, 0, 0, p.packed ? p.packed : p.scratch,
               p.init ? p.init + m * p.init_row : nullptr, p.init_row, p.c + m * p.c_row, p.c_row, nullptr});
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
