// What one pointwise step computes for one vector. A code of the contract is a row of the list at the end.
#pragma once
#include "elman/kernels.h"
#include "elman/math.h"

namespace elman::ELMAN_TARGET {
namespace {

// A number as it is: nothing that it is made from or goes into may be done elsewhere or together with what made it.
template <class V>
ELMAN_INLINE V settled(V v) {
#if defined(__x86_64__)
  __asm__("" : "+v"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#endif
  return v;
}

template <class R>
ELMAN_INLINE vec<R> truth(ivec<R> mask) {
  return mask ? splat(R(1)) : vec<R>{};
}
template <class R>
ELMAN_INLINE vec<R> is_nan(vec<R> a) {
  return truth<R>(a != a);
}
template <class R>
ELMAN_INLINE vec<R> is_inf(vec<R> a) {
  return truth<R>(absolute<R>(a) == R(__builtin_inf()));
}
template <class R>
ELMAN_INLINE vec<R> sign(vec<R> a) {
  const vec<R> s = truth<R>(a > R(0)) - truth<R>(a < R(0));
  return a == a ? s : a;
}
template <class R>
ELMAN_INLINE vec<R> maximum(vec<R> a, vec<R> b) {
  return a == a ? larger(a, b) : a;
}
template <class R>
ELMAN_INLINE vec<R> minimum(vec<R> a, vec<R> b) {
  return a == a ? smaller(a, b) : a;
}

// X(arity, code, expression of a, b, c)
#define ELMAN_POINTWISE_CODES(X)                         \
  X(1, copy, a)                                          \
  X(1, neg, -a)                                          \
  X(1, abs, absolute<R>(a))                              \
  X(1, sign, sign<R>(a))                                 \
  X(1, floor, floor(a))                                  \
  X(1, ceil, ceil(a))                                    \
  X(1, round, round(a))                                  \
  X(1, sqrt, square_root(a))                             \
  X(1, reciprocal, R(1) / a)                             \
  X(1, rsqrt, inverse_root(a))                           \
  X(1, exp, exp<R>(a))                                   \
  X(1, expm1, expm1<R>(a))                               \
  X(1, log, log<R>(a))                                   \
  X(1, log1p, log1p<R>(a))                               \
  X(1, tanh, tanh<R>(a))                                 \
  X(1, sigmoid, sigmoid<R>(a))                           \
  X(1, relu, larger(vec<R>{}, a))                        \
  X(1, softplus, softplus<R>(a))                         \
  X(1, erf, erf<R>(a))                                   \
  X(1, sin, sin<R>(a))                                   \
  X(1, cos, cos<R>(a))                                   \
  X(1, logical_not, truth<R>(a == R(0)))                 \
  X(1, is_nan, is_nan<R>(a))                             \
  X(1, is_inf, is_inf<R>(a))                             \
  X(2, add, a + b)                                       \
  X(2, sub, a - b)                                       \
  X(2, mul, a* b)                                        \
  X(2, div, divide(a, b))                                \
  X(2, pow, pow<R>(a, b))                                \
  X(2, max, maximum<R>(a, b))                            \
  X(2, min, minimum<R>(a, b))                            \
  X(2, mod, mod<R>(a, b))                                \
  X(2, equal, truth<R>(a == b))                          \
  X(2, less, truth<R>(a < b))                            \
  X(2, less_equal, truth<R>(a <= b))                     \
  X(2, logical_and, truth<R>((a != R(0)) & (b != R(0)))) \
  X(2, logical_or, truth<R>((a != R(0)) | (b != R(0))))  \
  X(3, where, a != R(0) ? b : c)                         \
  X(3, multiply_add, a* b + c)                           \
  X(3, product, settled(a* b) * c)                       \
  X(3, sum_product, (a + b) * c)                         \
  X(3, difference_product, (a - b) * c)                  \
  X(3, less_product, c - settled(a * b))

}  // namespace
}  // namespace elman::ELMAN_TARGET
