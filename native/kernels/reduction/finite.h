// Search for the first NaN or infinity: x - x is 0 for every finite x and NaN for the rest.
#pragma once
#include "elman/kernels.h"
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
int64_t finite(const Finite<R>& p) {
  constexpr int W = width<R>, NV = 4;
  int64_t i = 0;
  for (; i + NV * W <= p.count; i += NV * W) {
    ivec<R> bad = {};
    ELMAN_UNROLL_ALL
    for (int v = 0; v < NV; ++v) {
      const vec<R> x = load(p.from + i + v * W);
      bad |= x - x != R(0);
    }
    if (any<R>(bad)) break;
  }
  for (; i < p.count; ++i)
    if (p.from[i] - p.from[i] != R(0)) return i;
  return -1;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
