// Vectors of one instruction set: the only file that names an instruction.
//
// vec<R> is a GCC/Clang vector of `width<R>` elements, as wide as the target's registers (64 bytes for AVX-512, 32 for
// AVX2, 16 for SSE4.2 and NEON). Arithmetic, comparison (all-ones masks), `mask ? a : b` and shifts are the language's own;
// what it lacks is below. Everything has internal linkage in a namespace per target, so the linker can never let code of
// one instruction set stand in for another; for the same reason no C++ library header may be included here.
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define ELMAN_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define ELMAN_UNROLL_ALL _Pragma("unroll")
#define ELMAN_UNROLL_2 _Pragma("unroll 2")
#define ELMAN_UNROLL_4 _Pragma("unroll 4")
#else
#define ELMAN_UNROLL_ALL _Pragma("GCC unroll 32")
#define ELMAN_UNROLL_2 _Pragma("GCC unroll 2")
#define ELMAN_UNROLL_4 _Pragma("GCC unroll 4")
#endif

namespace elman::ELMAN_TARGET {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16, vector_registers = 32;
#else
constexpr int vector_bytes = 16, vector_registers = 16;
#endif

template <class R>
struct lanes;
template <>
struct lanes<float> {
  typedef float real __attribute__((vector_size(vector_bytes)));
  typedef int32_t integer __attribute__((vector_size(vector_bytes)));
  typedef uint32_t natural __attribute__((vector_size(vector_bytes)));
  typedef float quarter __attribute__((vector_size(16)));
  typedef float half __attribute__((vector_size(32)));
  typedef float whole __attribute__((vector_size(64)));
  typedef int32_t bits;
};
template <>
struct lanes<double> {
  typedef double real __attribute__((vector_size(vector_bytes)));
  typedef int64_t integer __attribute__((vector_size(vector_bytes)));
  typedef uint64_t natural __attribute__((vector_size(vector_bytes)));
  typedef double quarter __attribute__((vector_size(16)));
  typedef double half __attribute__((vector_size(32)));
  typedef double whole __attribute__((vector_size(64)));
  typedef int64_t bits;
};
template <class R>
using vec = typename lanes<R>::real;
template <class R>
using ivec = typename lanes<R>::integer;  // a mask
template <class R>
using uvec = typename lanes<R>::natural;  // the bits of a vec<R>: arithmetic that may wrap
template <class R>
using quarter = typename lanes<R>::quarter;  // 16 bytes on every target
template <class R>
constexpr int width = vector_bytes / int(sizeof(R));

// ---- memory ------------------------------------------------------------------------------------------------------
template <class R>
ELMAN_INLINE vec<R> load(const R* p) {
  vec<R> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class R>
ELMAN_INLINE void store(R* p, vec<R> v) {
  __builtin_memcpy(p, &v, sizeof v);
}
template <class R>
ELMAN_INLINE quarter<R> load_quarter(const R* p) {
  quarter<R> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class R>
ELMAN_INLINE vec<R> splat(R x) {
  return x - vec<R>{};
}  // x - 0 keeps the sign of a zero

// The first n elements, 0 <= n <= width; nothing else is touched. Missing elements read as 0.
#if defined(__AVX512F__)
ELMAN_INLINE vec<float> load_partial(const float* p, int n) {
  return (vec<float>)_mm512_maskz_loadu_ps((__mmask16)_bzhi_u32(0xFFFFu, unsigned(n)), p);
}
ELMAN_INLINE vec<double> load_partial(const double* p, int n) {
  return (vec<double>)_mm512_maskz_loadu_pd((__mmask8)_bzhi_u32(0xFFu, unsigned(n)), p);
}
ELMAN_INLINE void store_partial(float* p, vec<float> v, int n) {
  _mm512_mask_storeu_ps(p, (__mmask16)_bzhi_u32(0xFFFFu, unsigned(n)), (__m512)v);
}
ELMAN_INLINE void store_partial(double* p, vec<double> v, int n) {
  _mm512_mask_storeu_pd(p, (__mmask8)_bzhi_u32(0xFFu, unsigned(n)), (__m512d)v);
}
#elif defined(__AVX2__)
constexpr int32_t first_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
ELMAN_INLINE __m256i first_lanes(int words) { return _mm256_loadu_si256((const __m256i*)(first_words + 8 - words)); }
ELMAN_INLINE vec<float> load_partial(const float* p, int n) {
  return (vec<float>)_mm256_maskload_ps(p, first_lanes(n));
}
ELMAN_INLINE vec<double> load_partial(const double* p, int n) {
  return (vec<double>)_mm256_maskload_pd(p, first_lanes(2 * n));
}
ELMAN_INLINE void store_partial(float* p, vec<float> v, int n) { _mm256_maskstore_ps(p, first_lanes(n), (__m256)v); }
ELMAN_INLINE void store_partial(double* p, vec<double> v, int n) {
  _mm256_maskstore_pd(p, first_lanes(2 * n), (__m256d)v);
}
#else
template <class R>
ELMAN_INLINE vec<R> load_partial(const R* p, int n) {
  vec<R> v = {};
  for (int i = 0; i < width<R>; ++i)
    if (i < n) v[i] = p[i];
  return v;
}
template <class R>
ELMAN_INLINE void store_partial(R* p, vec<R> v, int n) {
  for (int i = 0; i < width<R>; ++i)
    if (i < n) p[i] = v[i];
}
#endif

// ---- bits --------------------------------------------------------------------------------------------------------
template <class R>
ELMAN_INLINE uvec<R> bits(vec<R> v) {
  return (uvec<R>)v;
}
template <class R>
constexpr typename lanes<R>::bits sign_bit = typename lanes<R>::bits(1) << (sizeof(R) * 8 - 1);
template <class R>
ELMAN_INLINE vec<R> absolute(vec<R> v) {
  return (vec<R>)((ivec<R>)v & ~sign_bit<R>);
}
// magnitude >= 0
template <class R>
ELMAN_INLINE vec<R> give_sign(vec<R> magnitude, vec<R> sign) {
  return (vec<R>)((ivec<R>)magnitude | ((ivec<R>)sign & sign_bit<R>));
}
template <class R>
ELMAN_INLINE vec<R> copy_sign(vec<R> magnitude, vec<R> sign) {
  return (vec<R>)(((ivec<R>)magnitude & ~sign_bit<R>) | ((ivec<R>)sign & sign_bit<R>));
}
template <class R>
ELMAN_INLINE bool any(ivec<R> mask) {
#if defined(__AVX512F__)
  if constexpr (sizeof(R) == 4) return _mm512_movepi32_mask((__m512i)mask) != 0;
  else return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8((__m256i)mask) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_epi8((__m128i)mask) != 0;
#else
  int64_t words[2];
  __builtin_memcpy(words, &mask, sizeof words);
  return (words[0] | words[1]) != 0;
#endif
}

// ---- arithmetic --------------------------------------------------------------------------------------------------
// a < b ? a : b, so the second operand comes back when either is NaN: smaller(limit, x) clamps x and keeps its NaN.
ELMAN_INLINE vec<float> smaller(vec<float> a, vec<float> b) {
#if defined(__AVX512F__)
  return (vec<float>)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (vec<float>)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
  return (vec<float>)_mm_min_ps((__m128)a, (__m128)b);
#else
  return a < b ? a : b;
#endif
}
ELMAN_INLINE vec<double> smaller(vec<double> a, vec<double> b) {
#if defined(__AVX512F__)
  return (vec<double>)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
  return (vec<double>)_mm256_min_pd((__m256d)a, (__m256d)b);
#elif defined(__SSE2__)
  return (vec<double>)_mm_min_pd((__m128d)a, (__m128d)b);
#else
  return a < b ? a : b;
#endif
}
// a > b ? a : b, likewise
ELMAN_INLINE vec<float> larger(vec<float> a, vec<float> b) {
#if defined(__AVX512F__)
  return (vec<float>)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (vec<float>)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
  return (vec<float>)_mm_max_ps((__m128)a, (__m128)b);
#else
  return a > b ? a : b;
#endif
}
ELMAN_INLINE vec<double> larger(vec<double> a, vec<double> b) {
#if defined(__AVX512F__)
  return (vec<double>)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
  return (vec<double>)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif defined(__SSE2__)
  return (vec<double>)_mm_max_pd((__m128d)a, (__m128d)b);
#else
  return a > b ? a : b;
#endif
}

#if defined(__AVX512F__)
#define ELMAN_ROUNDING(name, mode)                                                                         \
  ELMAN_INLINE vec<float> name(vec<float> v) { return (vec<float>)_mm512_roundscale_ps((__m512)v, mode); } \
  ELMAN_INLINE vec<double> name(vec<double> v) { return (vec<double>)_mm512_roundscale_pd((__m512d)v, mode); }
#elif defined(__AVX2__)
#define ELMAN_ROUNDING(name, mode)                                                                    \
  ELMAN_INLINE vec<float> name(vec<float> v) { return (vec<float>)_mm256_round_ps((__m256)v, mode); } \
  ELMAN_INLINE vec<double> name(vec<double> v) { return (vec<double>)_mm256_round_pd((__m256d)v, mode); }
#elif defined(__SSE4_1__)
#define ELMAN_ROUNDING(name, mode)                                                                 \
  ELMAN_INLINE vec<float> name(vec<float> v) { return (vec<float>)_mm_round_ps((__m128)v, mode); } \
  ELMAN_INLINE vec<double> name(vec<double> v) { return (vec<double>)_mm_round_pd((__m128d)v, mode); }
#endif
#if defined(ELMAN_ROUNDING)
ELMAN_ROUNDING(floor, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)
ELMAN_ROUNDING(ceil, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)
ELMAN_ROUNDING(round, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#undef ELMAN_ROUNDING
#elif defined(__aarch64__)
ELMAN_INLINE vec<float> floor(vec<float> v) { return (vec<float>)vrndmq_f32((float32x4_t)v); }
ELMAN_INLINE vec<double> floor(vec<double> v) { return (vec<double>)vrndmq_f64((float64x2_t)v); }
ELMAN_INLINE vec<float> ceil(vec<float> v) { return (vec<float>)vrndpq_f32((float32x4_t)v); }
ELMAN_INLINE vec<double> ceil(vec<double> v) { return (vec<double>)vrndpq_f64((float64x2_t)v); }
ELMAN_INLINE vec<float> round(vec<float> v) { return (vec<float>)vrndnq_f32((float32x4_t)v); }
ELMAN_INLINE vec<double> round(vec<double> v) { return (vec<double>)vrndnq_f64((float64x2_t)v); }
#else
#define ELMAN_ROUNDING(name, scalar_float, scalar_double)               \
  ELMAN_INLINE vec<float> name(vec<float> v) {                          \
    for (int i = 0; i < width<float>; ++i) v[i] = scalar_float(v[i]);   \
    return v;                                                           \
  }                                                                     \
  ELMAN_INLINE vec<double> name(vec<double> v) {                        \
    for (int i = 0; i < width<double>; ++i) v[i] = scalar_double(v[i]); \
    return v;                                                           \
  }
ELMAN_ROUNDING(floor, __builtin_floorf, __builtin_floor)
ELMAN_ROUNDING(ceil, __builtin_ceilf, __builtin_ceil)
ELMAN_ROUNDING(round, __builtin_rintf, __builtin_rint)
#undef ELMAN_ROUNDING
#endif

// Square root: correctly rounded, but for floats on AVX-512 within 0.51 ulp, from an estimate and one correction: twice as fast.
ELMAN_INLINE vec<float> square_root(vec<float> v) {
#if defined(__AVX512F__)
  // The estimate serves 2^-100 and above, and 0; in lanes of anything else the instruction does. In those lanes only: what a lane
  // gives must not depend on its neighbours, which at the end of an array are whatever lies there.
  constexpr int least = 0x0D800000, infinity = 0x7F800000;
  const __m512i distance = _mm512_sub_epi32((__m512i)v, _mm512_set1_epi32(least));
  const __mmask16 ordinary = _mm512_cmplt_epu32_mask(distance, _mm512_set1_epi32(infinity - least));
  const __mmask16 nonzero = _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  const __mmask16 special = _kandn_mask16(ordinary, nonzero);
  const vec<float> r = (vec<float>)_mm512_maskz_rsqrt14_ps(nonzero, (__m512)v), s = v * r;
  const vec<float> root = s + (v - s * s) * (0.5f * r);
  if (__builtin_expect(special != 0, 0)) return (vec<float>)_mm512_mask_sqrt_ps((__m512)root, special, (__m512)v);
  return root;
#elif defined(__AVX2__)
  return (vec<float>)_mm256_sqrt_ps((__m256)v);
#elif defined(__SSE2__)
  return (vec<float>)_mm_sqrt_ps((__m128)v);
#elif defined(__aarch64__)
  return (vec<float>)vsqrtq_f32((float32x4_t)v);
#else
  for (int i = 0; i < width<float>; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}
// 1 / sqrt(v): for floats on AVX-512 within 1 ulp, from an estimate and one Newton step; lanes it does not serve keep the
// estimate, which is right there (0, infinity, NaN, negative).
ELMAN_INLINE vec<float> inverse_root(vec<float> v) {
#if defined(__AVX512F__)
  const vec<float> r = (vec<float>)_mm512_rsqrt14_ps((__m512)v);
  // v * r first: half of the least float is 0
  const __m512 gap = _mm512_fnmadd_ps((__m512)(v * r), (__m512)(0.5f * r), _mm512_set1_ps(0.5f));
  const __m512 better = _mm512_fmadd_ps((__m512)r, gap, (__m512)r);
  const __mmask16 ordinary =
      _mm512_cmp_ps_mask((__m512)absolute<float>(r), _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ) &
      _mm512_cmp_ps_mask((__m512)r, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  return (vec<float>)_mm512_mask_blend_ps(ordinary, (__m512)r, better);
#else
  return 1.0f / square_root(v);
#endif
}

// a / b: correctly rounded, but for floats on AVX-512 within 1 ulp, from an estimate and two corrections
// in place of the slow instruction; lanes whose numbers are huge, tiny, 0 or not numbers are divided truly.
ELMAN_INLINE vec<float> divide(vec<float> a, vec<float> b) {
#if defined(__AVX512F__)
  // exponents of 2^-60 .. 2^60: no product below leaves the range of floats
  constexpr int least = (127 - 60) << 23, span = 120 << 23;
  const __m512i sizes_a = _mm512_and_si512((__m512i)a, _mm512_set1_epi32(0x7FFFFFFF));
  const __m512i sizes_b = _mm512_and_si512((__m512i)b, _mm512_set1_epi32(0x7FFFFFFF));
  const __mmask16 ordinary_b =
      _mm512_cmplt_epu32_mask(_mm512_sub_epi32(sizes_b, _mm512_set1_epi32(least)), _mm512_set1_epi32(span));
  const __mmask16 ordinary_a =
      _mm512_cmplt_epu32_mask(_mm512_sub_epi32(sizes_a, _mm512_set1_epi32(least)), _mm512_set1_epi32(span));
  const __mmask16 special = (__mmask16) ~(ordinary_a & ordinary_b);
  const __m512 rough = _mm512_rcp14_ps((__m512)b);
  const __m512 r = _mm512_fmadd_ps(rough, _mm512_fnmadd_ps((__m512)b, rough, _mm512_set1_ps(1.0f)), rough);
  const __m512 q = _mm512_mul_ps((__m512)a, r);
  const __m512 close = _mm512_fmadd_ps(_mm512_fnmadd_ps(q, (__m512)b, (__m512)a), r, q);
  if (__builtin_expect(special != 0, 0)) return (vec<float>)_mm512_mask_div_ps(close, special, (__m512)a, (__m512)b);
  return (vec<float>)close;
#else
  return a / b;
#endif
}
ELMAN_INLINE vec<double> divide(vec<double> a, vec<double> b) { return a / b; }

ELMAN_INLINE vec<double> square_root(vec<double> v) {
#if defined(__AVX512F__)
  return (vec<double>)_mm512_sqrt_pd((__m512d)v);
#elif defined(__AVX2__)
  return (vec<double>)_mm256_sqrt_pd((__m256d)v);
#elif defined(__SSE2__)
  return (vec<double>)_mm_sqrt_pd((__m128d)v);
#elif defined(__aarch64__)
  return (vec<double>)vsqrtq_f64((float64x2_t)v);
#else
  for (int i = 0; i < width<double>; ++i) v[i] = __builtin_sqrt(v[i]);
  return v;
#endif
}
ELMAN_INLINE vec<double> inverse_root(vec<double> v) { return 1.0 / square_root(v); }

// v * 2^n for integral n, |n| <= 2200 (double) or 280 (float): rounds once into the denormals, overflows to infinity.
template <class R>
struct format;
template <>
struct format<float> {
  static constexpr float to_integer = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded value in the low bits
  static constexpr float biased = to_integer + 127;
  static constexpr int mantissa = 23;
  static constexpr uint32_t to_integer_bits = 0x4B400000;
  static constexpr float lowest_power = -126, highest_power = 127;
};
template <>
struct format<double> {
  static constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double biased = to_integer + 1023;
  static constexpr int mantissa = 52;
  static constexpr uint64_t to_integer_bits = 0x4338000000000000;
  static constexpr double lowest_power = -1022, highest_power = 1023;
};
// 2^n for integral n between lowest_power and highest_power, from n + biased: the exponent's bits, in place but for the shift
template <class R>
ELMAN_INLINE vec<R> power_from_biased(vec<R> n_biased) {
  return (vec<R>)(bits<R>(n_biased) << format<R>::mantissa);
}
// the same from n
template <class R>
ELMAN_INLINE vec<R> power_of_two(vec<R> n) {
  return power_from_biased<R>(n + format<R>::biased);
}
template <class R>
ELMAN_INLINE vec<R> scale(vec<R> v, vec<R> n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(R) == 4) return (vec<R>)_mm512_scalef_ps((__m512)v, (__m512)n);
  else return (vec<R>)_mm512_scalef_pd((__m512d)v, (__m512d)n);
#else
  const vec<R> first = smaller(splat(format<R>::highest_power), larger(splat(format<R>::lowest_power), n));
  const vec<R> rest = smaller(splat(format<R>::highest_power), larger(splat(format<R>::lowest_power), n - first));
  return v * power_of_two<R>(first) * power_of_two<R>(rest);
#endif
}

// Low 32 bits of each 64-bit lane times a 32-bit factor
typedef uint64_t words __attribute__((vector_size(vector_bytes)));
ELMAN_INLINE words multiply_low(words a, uint32_t factor) {
#if defined(__AVX512F__)
  return (words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(factor));
#elif defined(__AVX2__)
  return (words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(factor));
#elif defined(__SSE2__)
  return (words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(factor));
#else
  return (a & uint64_t(0xFFFFFFFFu)) * uint64_t(factor);
#endif
}

// ---- across lanes ------------------------------------------------------------------------------------------------
template <int... I>
struct indices {};
template <int N, int... I>
struct count_up : count_up<N - 1, N - 1, I...> {};
template <int... I>
struct count_up<0, I...> {
  using type = indices<I...>;
};

// Within each 16 bytes: the low (high = 0) or high halves of a and b, alternating.
template <class R, int high, int... I>
ELMAN_INLINE vec<R> interleave(vec<R> a, vec<R> b, indices<I...>) {
  constexpr int group = 16 / int(sizeof(R));
  return __builtin_shufflevector(a, b, ((I % 2) * width<R> + I / group * group + I % group / 2 + high * group / 2)...);
}
template <class R, int high>
ELMAN_INLINE vec<R> interleave(vec<R> a, vec<R> b) {
  return interleave<R, high>(a, b, typename count_up<width<R>>::type());
}
template <class R>
ELMAN_INLINE void transpose_groups(vec<R> (&g)[2]) {
  const vec<R> low = interleave<R, 0>(g[0], g[1]), high = interleave<R, 1>(g[0], g[1]);
  g[0] = low;
  g[1] = high;
}
template <class R>
ELMAN_INLINE void transpose_groups(vec<R> (&g)[4]) {
  const vec<R> low02 = interleave<R, 0>(g[0], g[2]), low13 = interleave<R, 0>(g[1], g[3]);
  const vec<R> high02 = interleave<R, 1>(g[0], g[2]), high13 = interleave<R, 1>(g[1], g[3]);
  g[0] = interleave<R, 0>(low02, low13);
  g[1] = interleave<R, 1>(low02, low13);
  g[2] = interleave<R, 0>(high02, high13);
  g[3] = interleave<R, 1>(high02, high13);
}
template <class R, int... I>
ELMAN_INLINE typename lanes<R>::half join(quarter<R> a, quarter<R> b, indices<I...>) {
  return __builtin_shufflevector(a, b, I...);
}
template <class R, int... I>
ELMAN_INLINE typename lanes<R>::whole join(typename lanes<R>::half a, typename lanes<R>::half b, indices<I...>) {
  return __builtin_shufflevector(a, b, I...);
}
// 16 bytes at each of p[0], p[1], ... (vector_bytes / 16 of them) + offset
template <class R>
ELMAN_INLINE vec<R> load_quarters(const R* const* p, int64_t offset) {
  constexpr int n = 16 / int(sizeof(R));
  if constexpr (vector_bytes == 16) {
    return load_quarter(p[0] + offset);
  } else if constexpr (vector_bytes == 32) {
    return join<R>(load_quarter(p[0] + offset), load_quarter(p[1] + offset), typename count_up<2 * n>::type());
  } else {
    typedef typename count_up<2 * n>::type two;
    return join<R>(join<R>(load_quarter(p[0] + offset), load_quarter(p[1] + offset), two()),
                   join<R>(load_quarter(p[2] + offset), load_quarter(p[3] + offset), two()),
                   typename count_up<4 * n>::type());
  }
}

template <class R, int... I>
ELMAN_INLINE ivec<R> lane_numbers(indices<I...>) {
  return ivec<R>{I...};
}
// all ones in the first n lanes
template <class R>
ELMAN_INLINE ivec<R> first(int n) {
  return lane_numbers<R>(typename count_up<width<R>>::type()) < typename lanes<R>::bits(n);
}
template <class R>
ELMAN_INLINE vec<R> load_partial_or(const R* p, int n, R missing) {
  return first<R>(n) ? load_partial(p, n) : splat(missing);
}

// A tree over the lanes, in a fixed order: op(v, v turned by half the lanes), then by a quarter, ...
template <class R, int by, int... I>
ELMAN_INLINE vec<R> turn(vec<R> v, indices<I...>) {
  return __builtin_shufflevector(v, v, ((I + by) % width<R>)...);
}
template <class R, class Op, int by = width<R> / 2>
ELMAN_INLINE R across(vec<R> v, Op op) {
  v = op(v, turn<R, by>(v, typename count_up<width<R>>::type()));
  if constexpr (by > 1) return across<R, Op, by / 2>(v, op);
  else return v[0];
}
// Halves of the groups of `group` lanes of a, then of those of b: the low (high = 0) or the high ones
template <class R, int group, int high, int... I>
ELMAN_INLINE vec<R> half_groups(vec<R> a, vec<R> b, indices<I...>) {
  return __builtin_shufflevector(a, b, (I / (group / 2) * group + I % (group / 2) + high * group / 2)...);
}
// Lane i = across(v[i], op), bit for bit, of the first `count` >= 1 of the vectors; the others may be anything, and are lost.
template <class R, class Op, int group = width<R>>
ELMAN_INLINE vec<R> across_each(vec<R> (&v)[width<R>], int count, Op op) {
  typedef typename count_up<width<R>>::type lanes_of;
  for (int i = 0; 2 * i < count; ++i) {
    const vec<R> a = v[2 * i], b = 2 * i + 1 < count ? v[2 * i + 1] : a;
    v[i] = op(half_groups<R, group, 0>(a, b, lanes_of()), half_groups<R, group, 1>(a, b, lanes_of()));
  }
  if constexpr (group > 2) return across_each<R, Op, group / 2>(v, (count + 1) / 2, op);
  else return v[0];
}
template <class R>
ELMAN_INLINE R sum_lanes(vec<R> v) {
  return across<R>(v, [](vec<R> a, vec<R> b) __attribute__((always_inline)) { return a + b; });
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
