// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, SC 2011: ten rounds of multiply and exchange turn a counter and a key into four
// random words. A batch of counters runs side by side, one per 64-bit lane.
#pragma once
#include "elman/kernels.h"
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

constexpr int counters = vector_bytes / 8;
constexpr uint64_t low_half = 0xFFFFFFFFu;

ELMAN_INLINE void philox(words (&c)[4], uint64_t seed) {
  uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const words p0 = multiply_low(c[0], 0xD2511F53u), p1 = multiply_low(c[2], 0xCD9E8D57u);
    const words next0 = (p1 >> 32) ^ c[1] ^ uint64_t(key0), next2 = (p0 >> 32) ^ c[3] ^ uint64_t(key1);
    c[0] = next0;
    c[1] = p1 & low_half;
    c[2] = next2;
    c[3] = p0 & low_half;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// 24 bits of each word as a fraction, the four of each counter one after another
template <class R>
ELMAN_INLINE void fractions(const words (&c)[4], R (&to)[counters][4]) {
  typedef uint32_t four_words __attribute__((vector_size(16)));
  typedef int32_t four_integers __attribute__((vector_size(16)));
  typedef R four __attribute__((vector_size(4 * sizeof(R))));
  const vec<double> low = (vec<double>)(c[0] | c[1] << 32), high = (vec<double>)(c[2] | c[3] << 32);
  // counters 0, 2, 4, ... and 1, 3, 5, ..., 16 bytes each
  const vec<double> half[2] = {interleave<double, 0>(low, high), interleave<double, 1>(low, high)};
  ELMAN_UNROLL_ALL
  for (int i = 0; i < counters; ++i) {
    four_words w;
    __builtin_memcpy(&w, (const char*)&half[i % 2] + i / 2 * 16, sizeof w);
    const four x = __builtin_convertvector((four_integers)(w >> 8), four) * R(5.9604644775390625e-8);
    __builtin_memcpy(to[i], &x, sizeof x);
  }
}

template <int... I>
ELMAN_INLINE words count_from(uint64_t start, indices<I...>) {
  return words{I...} + start;
}

template <class R>
void uniform_row(const Uniform<R>& p, int64_t row) {
  const int64_t blocks = (p.width + 3) / 4;
  R* to = p.to + row * p.width;
  for (int64_t block = 0; block < blocks; block += counters, to += 4 * counters) {
    words c[4] = {count_from(uint64_t(block), count_up<counters>::type()),
                  words{} + (uint64_t(p.first_row + row) & low_half), words{} + uint64_t(p.node),
                  words{} + uint64_t(p.step)};
    philox(c, p.seed);
    R x[counters][4];
    fractions(c, x);
    const int64_t left = p.width - 4 * block;
    if (left >= 4 * counters) __builtin_memcpy(to, x, sizeof x);
    else
      for (int64_t j = 0; j < left; ++j) to[j] = x[j / 4][j % 4];
  }
}

// Narrow rows: the counters of several side by side
template <class R>
void uniform_rows(const Uniform<R>& p) {
  const int64_t blocks = (p.width + 3) / 4, total = p.rows * blocks;
  int64_t row = 0, block = 0;
  for (int64_t done = 0; done < total; done += counters) {
    const int n = int(total - done < counters ? total - done : counters);
    alignas(64) uint64_t column[counters] = {}, number[counters] = {};
    R* to[counters];
    int64_t left[counters];
    for (int i = 0; i < n; ++i) {
      column[i] = uint64_t(block);
      number[i] = uint64_t(p.first_row + row) & low_half;
      left[i] = p.width - 4 * block;
      to[i] = p.to + row * p.width + 4 * block;
      if (++block == blocks) block = 0, ++row;
    }
    words c[4] = {{}, {}, words{} + uint64_t(p.node), words{} + uint64_t(p.step)};
    __builtin_memcpy(&c[0], column, sizeof column);
    __builtin_memcpy(&c[1], number, sizeof number);
    philox(c, p.seed);
    R x[counters][4];
    fractions(c, x);
    for (int i = 0; i < n; ++i)
      for (int64_t j = 0; j < 4 && j < left[i]; ++j) to[i][j] = x[i][j];
  }
}

template <class R>
void uniform(const Uniform<R>& p) {
  if (p.width <= 0) return;
  if (p.width <= 2 * counters) return uniform_rows(p);
  for (int64_t row = 0; row < p.rows; ++row) uniform_row(p, row);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
