// Vectors of whole numbers of 8 bits and their scalar products: beside simd.h the only file that names an instruction.
//
// Sums are exact (32 bits, wrapping), so every instruction set gives the same bits. Numbers are -127 .. 127: -128 has no
// negative of 8 bits, and two products of it would overflow the 16 bits that most sets add them up in.
#pragma once
#include "elman/simd.h"

namespace elman::ELMAN_TARGET {
namespace {

typedef int8_t bytes __attribute__((vector_size(vector_bytes)));
typedef int32_t sums __attribute__((vector_size(vector_bytes)));  // four neighbouring bytes' products in each
typedef int32_t quarter_sums __attribute__((vector_size(16)));

ELMAN_INLINE bytes load_bytes(const int8_t* p) {
  bytes v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// sum + products of w and x, four to a lane; where `biased`, of w + 128 and x: dot(sum, 0, x) then tells the excess.
#if defined(__AVX512VNNI__)
constexpr bool biased = true;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  const __m512i above_0 = _mm512_xor_si512((__m512i)w, _mm512_set1_epi8(-128));
  return (sums)_mm512_dpbusd_epi32((__m512i)sum, above_0, (__m512i)x);
}
#elif defined(__AVX512BW__)
constexpr bool biased = false;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  const __m512i signed_w =
      _mm512_mask_sub_epi8((__m512i)w, _mm512_movepi8_mask((__m512i)x), _mm512_setzero_si512(), (__m512i)w);
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8((__m512i)x), signed_w);
  return (sums)_mm512_add_epi32((__m512i)sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
#elif defined(__AVX2__)
constexpr bool biased = false;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)x), _mm256_sign_epi8((__m256i)w, (__m256i)x));
  return (sums)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#elif defined(__SSSE3__)
constexpr bool biased = false;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  const __m128i pairs = _mm_maddubs_epi16(_mm_abs_epi8((__m128i)x), _mm_sign_epi8((__m128i)w, (__m128i)x));
  return (sums)_mm_add_epi32((__m128i)sum, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
}
#elif defined(__aarch64__)
constexpr bool biased = false;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  const int16x8_t low = vmull_s8(vget_low_s8((int8x16_t)w), vget_low_s8((int8x16_t)x));
  const int16x8_t high = vmull_high_s8((int8x16_t)w, (int8x16_t)x);
  return (sums)vaddq_s32((int32x4_t)sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}
#else
constexpr bool biased = false;
ELMAN_INLINE sums dot(sums sum, bytes w, bytes x) {
  for (int i = 0; i < vector_bytes; ++i) sum[i / 4] += int32_t(w[i]) * int32_t(x[i]);
  return sum;
}
#endif

// Numbers of -127 .. 127 rounded to the nearest whole ones, halves to even: vector_bytes / 4 bytes at `to`
ELMAN_INLINE void store_rounded(int8_t* to, vec<float> v) {
#if defined(__AVX512F__)
  _mm_storeu_si128((__m128i*)to, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32((__m512)v)));
#elif defined(__AVX2__)
  const __m256i whole = _mm256_cvtps_epi32((__m256)v);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64((__m128i*)to, _mm_packs_epi16(words, words));
#elif defined(__SSE2__)
  const __m128i words = _mm_packs_epi32(_mm_cvtps_epi32((__m128)v), _mm_setzero_si128());
  const int four = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
  __builtin_memcpy(to, &four, sizeof four);
#else
  const vec<float> whole = round(v);
  for (int i = 0; i < width<float>; ++i) to[i] = int8_t(whole[i]);
#endif
}

// The sums over all lanes of four vectors, as floats
ELMAN_INLINE quarter<float> sums_of_four(sums a, sums b, sums c, sums d) {
  auto turned = [](sums low, sums high, auto item) __attribute__((always_inline)) {
    typedef decltype(item) R;
    const vec<R> x = (vec<R>)low, y = (vec<R>)high;
    return (sums)interleave<R, 0>(x, y) + (sums)interleave<R, 1>(x, y);
  };
  const sums four = turned(turned(a, b, float()), turned(c, d, float()), double());
#if defined(__AVX512F__)
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256((__m512i)four), _mm512_extracti64x4_epi64((__m512i)four, 1));
  const __m128i all = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
#elif defined(__AVX2__)
  const __m128i all = _mm_add_epi32(_mm256_castsi256_si128((__m256i)four), _mm256_extracti128_si256((__m256i)four, 1));
#else
  const quarter_sums all = (quarter_sums)four;
#endif
  return __builtin_convertvector((quarter_sums)all, quarter<float>);
}

}  // namespace
}  // namespace elman::ELMAN_TARGET
