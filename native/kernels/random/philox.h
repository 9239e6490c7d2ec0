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

template <class R>
void uniform(const Uniform<R>& p) {
  const int64_t blocks = (p.width + 3) / 4, total = p.rows > 0 && p.width > 0 ? p.rows * blocks : 0;
  int64_t row = 0, block = 0;
  for (int64_t done = 0; done < total; done += counters) {
    words c[4] = {{}, {}, words{} + uint64_t(p.node), words{} + uint64_t(p.step)};
    const int n = int(total - done < counters ? total - done : counters);
    R* to[counters];
    int left[counters];
    for (int i = 0; i < n; ++i) {
      c[0][i] = uint64_t(block) & low_half;
      c[1][i] = uint64_t(p.first_row + row) & low_half;
      to[i] = p.to + row * p.width + 4 * block;
      left[i] = int(p.width - 4 * block < 4 ? p.width - 4 * block : 4);
      if (++block == blocks) block = 0, ++row;
    }
    philox(c, p.seed);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < left[i]; ++j) to[i][j] = R(uint32_t(c[j][i]) >> 8) * R(5.9604644775390625e-8);
  }
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
