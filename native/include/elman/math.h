// Elementary functions on vec<R>, float and double.
//
// Source: exp and expm1 by Cody and Waite's reduction to |r| <= ln(2)/2, log by fdlibm's reduction s = f / (2 + f); the
// polynomials are our own minimax fits (Sollya's fpminimax, relative error below 2.6e-8 and 6e-19). The vectorised functions
// err by at most 4 ulp, also where the result is tiny: sigmoid far left, tanh and expm1 near 0, log near 1. NaN stays NaN,
// over- and underflow give infinity and 0. Weakness: erf, sin, cos, pow and mod call the C library element by element.
#pragma once
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

template <class R>
struct constants;
template <>
struct constants<float> {
  static constexpr float log2e = 1.44269504088896341f, ln2_high = 0.693359375f, ln2_low = -2.12194440054690583e-4f;
  static constexpr float exp_lowest = -104.0f, exp_highest = 89.0f;  // exp is 0, or inf, beyond
  static constexpr float expm1_lowest = -18.0f, expm1_highest = 88.8f;  // expm1 is -1, or inf, beyond
  static constexpr float tanh_highest = 9.5f;  // tanh is 1 beyond
  static constexpr float least_normal = 1.17549435e-38f, denormal_scale = 8388608.0f, denormal_power = 23.0f;
  static constexpr uint32_t root_half = 0x3F3504F3;
  static constexpr float exp[5] = {0.5f, 0.1666657626628875732421875f, 4.16664667427539825439453125e-2f,
                                   8.363249711692333221435546875e-3f, 1.39349675737321376800537109375e-3f};
  static constexpr float log[3] = {0.66666686534881591796875f, 0.3998853862285614013671875f,
                                   0.29587137699127197265625f};
};
template <>
struct constants<double> {
  static constexpr double log2e = 1.44269504088896340735992468100189214, ln2_high = 0.693147180369123816490,
                          ln2_low = 1.90821492927058770002e-10;
  static constexpr double exp_lowest = -746.0, exp_highest = 710.0;
  static constexpr double expm1_lowest = -38.0, expm1_highest = 709.79;
  static constexpr double tanh_highest = 20.0;
  static constexpr double least_normal = 2.2250738585072014e-308, denormal_scale = 4503599627370496.0,
                          denormal_power = 52.0;
  static constexpr uint64_t root_half = 0x3FE6A09E667F3BCD;
  static constexpr double exp[11] = {0.5,
                                     0.1666666666666667129259593593815225176513195037841796875,
                                     4.1666666666666678231489839845380629412829875946044921875e-2,
                                     8.33333333332589472342011305272535537369549274444580078125e-3,
                                     1.38888888888769848790893934875612103496678173542022705078125e-3,
                                     1.98412698754177481939853233683379585272632539272308349609375e-4,
                                     2.480158734242226867381005128709858809088473208248615264892578125e-5,
                                     2.7557254814754507493928907535529759798009763471782207489013671875e-6,
                                     2.7557257005464699624853693905868201596831568167544901371002197265625e-7,
                                     2.51054150386784844357112894859540563885502706398256123065948486328125e-8,
                                     2.09203500977302499690163272425859342096288173706852830946445465087890625e-9};
  static constexpr double log[7] = {0.66666666666666696272613990004174411296844482421875,
                                    0.399999999998992772365369319231831468641757965087890625,
                                    0.285714286262102046265454191598109900951385498046875,
                                    0.22222211090523236176608179448521696031093597412109375,
                                    0.181828924628691213083442335118888877332210540771484375,
                                    0.153316108420233188081027719817939214408397674560546875,
                                    0.1461779712589677260314857676348765380680561065673828125};
};

template <class R, int n>
ELMAN_INLINE vec<R> polynomial(vec<R> x, const R (&c)[n]) {
  vec<R> p = splat(c[n - 1]);
  ELMAN_UNROLL_ALL
  for (int i = n - 2; i >= 0; --i) p = p * x + c[i];
  return p;
}

// x = n ln 2 + r, |r| <= ln(2)/2; returns expm1(r)
template <class R>
ELMAN_INLINE vec<R> reduced_expm1(vec<R> x, vec<R>& n) {
  using K = constants<R>;
  n = (x * K::log2e + format<R>::to_integer) - format<R>::to_integer;
  const vec<R> r = (x - n * K::ln2_high) - n * K::ln2_low;
  return r + r * r * polynomial<R>(r, K::exp);
}

template <class R>
ELMAN_INLINE vec<R> exp(vec<R> x) {
  using K = constants<R>;
  vec<R> n;
  const vec<R> p = reduced_expm1<R>(smaller(splat(K::exp_highest), larger(splat(K::exp_lowest), x)), n);
  return scale<R>(p + R(1), n);
}

// exp(x) for x <= 0: as exp, without the bound above
template <class R>
ELMAN_INLINE vec<R> exp_negative(vec<R> x) {
  vec<R> n;
  const vec<R> p = reduced_expm1<R>(larger(splat(constants<R>::exp_lowest), x), n);
  return scale<R>(p + R(1), n);
}

template <class R>
ELMAN_INLINE vec<R> expm1(vec<R> x) {
  using K = constants<R>;
  vec<R> n;
  const vec<R> p = reduced_expm1<R>(smaller(splat(K::expm1_highest), larger(splat(K::expm1_lowest), x)), n);
  const vec<R> s = power_of_two<R>(n - R(1));  // half of 2^n, which itself may overflow
  return (s * p + (s - R(0.5))) * R(2);
}

// With e = exp(-|x|): 1 / (1 + e) right of 0, e / (1 + e) left of it; neither overflows nor cancels.
template <class R>
ELMAN_INLINE vec<R> sigmoid(vec<R> x) {
  const vec<R> e = exp_negative<R>(-absolute<R>(x));
  return (x >= R(0) ? splat(R(1)) : e) / (e + R(1));
}

// With m = -expm1(-2|x|) in [0, 1): tanh|x| = m / (2 - m). The reduction is exp's with one constant for ln 2: -2|x| = n ln 2 - 2 r
// and n 2^n, which scales its error, is at most 1/2.
template <class R>
ELMAN_INLINE vec<R> tanh(vec<R> x) {
  using K = constants<R>;
  const vec<R> y = smaller(splat(K::tanh_highest), absolute<R>(x));
  const vec<R> n_biased = y * (R(-2) * K::log2e) + format<R>::biased, n = n_biased - format<R>::biased;
  const vec<R> r = n * (K::ln2_high + K::ln2_low) + y * R(2);  // -r of exp's reduction
  const vec<R> p = r - r * r * polynomial<R>(-r, K::exp);  // -expm1(-r)
  const vec<R> s = power_from_biased<R>(n_biased);
  const vec<R> m = s * p + (R(1) - s);
  return give_sign<R>(m / (R(2) - m), x);
}

// log of m * 2^power for m = 1 + f in [sqrt(1/2), sqrt(2))
template <class R>
ELMAN_INLINE vec<R> reduced_log(vec<R> f, vec<R> power) {
  using K = constants<R>;
  const vec<R> s = f / (f + R(2)), z = s * s;
  const vec<R> series = z * polynomial<R>(z, K::log), half_square = R(0.5) * f * f;
  return power * K::ln2_high - ((half_square - (s * (half_square + series) + power * K::ln2_low)) - f);
}

// x = m * 2^power, m in [sqrt(1/2), sqrt(2)), for normal positive x
template <class R>
ELMAN_INLINE vec<R> split(vec<R> x, vec<R>& power) {
  using K = constants<R>;
  const uvec<R> p = (uvec<R>)((ivec<R>)(bits<R>(x) - K::root_half) >> format<R>::mantissa);  // keeps the sign
  power = (vec<R>)(p + format<R>::to_integer_bits) - format<R>::to_integer;
  return (vec<R>)(bits<R>(x) - (p << format<R>::mantissa));
}

template <class R>
ELMAN_INLINE vec<R> log_edges(vec<R> x, vec<R> y) {
  constexpr R infinity = R(__builtin_inf());
  y = x == R(0) ? splat(-infinity) : y;
  y = x == infinity ? x : y;
  return x >= R(0) ? y : splat(R(__builtin_nan("")));
}

template <class R>
ELMAN_INLINE vec<R> log(vec<R> x) {
  using K = constants<R>;
  const ivec<R> denormal = x < K::least_normal;
  vec<R> power;
  const vec<R> m = split<R>(denormal ? x * K::denormal_scale : x, power);
  power = denormal ? power - K::denormal_power : power;
  return log_edges<R>(x, reduced_log<R>(m - R(1), power));
}

// u = 1 + x rounds; the error is put back where u has been reduced, so tiny x come out as x.
template <class R>
ELMAN_INLINE vec<R> log1p(vec<R> x) {
  const vec<R> u = x + R(1);
  const vec<R> lost = absolute<R>(x) > R(1) ? R(1) - (u - x) : x - (u - R(1));
  vec<R> power;
  const vec<R> m = split<R>(u, power);
  const vec<R> f = (m - R(1)) + scale<R>(lost, -power);
  const vec<R> y = log_edges<R>(u, reduced_log<R>(f, power));
  return x == R(0) ? x : y;
}

template <class R>
ELMAN_INLINE vec<R> softplus(vec<R> x) {
  return larger(splat(R(0)), x) + log1p<R>(exp_negative<R>(-absolute<R>(x)));
}

template <class R, class F>
ELMAN_INLINE vec<R> each(vec<R> x, F f) {
  for (int i = 0; i < width<R>; ++i) x[i] = f(x[i]);
  return x;
}
template <class R, class F>
ELMAN_INLINE vec<R> each(vec<R> x, vec<R> y, F f) {
  for (int i = 0; i < width<R>; ++i) x[i] = f(x[i], y[i]);
  return x;
}
ELMAN_INLINE float scalar_erf(float x) { return __builtin_erff(x); }
ELMAN_INLINE double scalar_erf(double x) { return __builtin_erf(x); }
ELMAN_INLINE float scalar_sin(float x) { return __builtin_sinf(x); }
ELMAN_INLINE double scalar_sin(double x) { return __builtin_sin(x); }
ELMAN_INLINE float scalar_cos(float x) { return __builtin_cosf(x); }
ELMAN_INLINE double scalar_cos(double x) { return __builtin_cos(x); }
ELMAN_INLINE float scalar_pow(float x, float y) { return __builtin_powf(x, y); }
ELMAN_INLINE double scalar_pow(double x, double y) { return __builtin_pow(x, y); }
ELMAN_INLINE float scalar_remainder(float x, float y) { return __builtin_fmodf(x, y); }
ELMAN_INLINE double scalar_remainder(double x, double y) { return __builtin_fmod(x, y); }

template <class R>
ELMAN_INLINE vec<R> erf(vec<R> x) {
  return each<R>(x, [](R v) { return scalar_erf(v); });
}
template <class R>
ELMAN_INLINE vec<R> sin(vec<R> x) {
  return each<R>(x, [](R v) { return scalar_sin(v); });
}
template <class R>
ELMAN_INLINE vec<R> cos(vec<R> x) {
  return each<R>(x, [](R v) { return scalar_cos(v); });
}
template <class R>
ELMAN_INLINE vec<R> pow(vec<R> x, vec<R> y) {
  return each<R>(x, y, [](R a, R b) { return scalar_pow(a, b); });
}
// The remainder with the sign of y, as numpy.mod
template <class R>
ELMAN_INLINE vec<R> mod(vec<R> x, vec<R> y) {
  const vec<R> r = each<R>(x, y, [](R a, R b) { return scalar_remainder(a, b); });
  const vec<R> wrapped = (r < R(0)) != (y < R(0)) ? r + y : r;
  return r == R(0) ? copy_sign<R>(r, y) : wrapped;
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
