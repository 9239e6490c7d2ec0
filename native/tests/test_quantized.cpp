#include "check.h"

using namespace elman;
using namespace elman::test;

#if defined(__x86_64__)
namespace elman::avx512 {
const Kernels<float>& float_kernels();
}
#endif

namespace {

// What the contract says, in plain words
float expected(const float* a, const int8_t* b, float scale, int64_t k) {
  float largest = 0;
  for (int64_t i = 0; i < k; ++i) {
    if (!std::isfinite(a[i])) return NAN;
    largest = std::fmax(largest, std::fabs(a[i]));
  }
  if (largest < 0x1p-100f) return 0;
  const float factor = 127.0f / largest, step = largest / 127.0f;
  int64_t sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    volatile float scaled = a[i] * factor;
    sum += int64_t(std::nearbyint(scaled)) * b[i];
  }
  volatile float value = float(sum) * step;
  return value * scale;
}

void check_product(const Kernels<float>& kernels, int64_t m, int64_t n, int64_t k, Random& random) {
  const int64_t a_row = k + 3, c_row = n + 2;
  Buffer<float> a(m * a_row), scale(n), c(m * c_row);
  Buffer<int8_t> b(n * k), scratch(kernels.quantized_scratch(m, k));
  randomize(a, random, -3, 3), randomize(scale, random, 0, 0.1);
  for (int64_t i = 0; i < b.size; ++i) b[i] = int8_t(random.below(255) - 127);
  if (m > 1 && k > 0) a[a_row + k - 1] = NAN;
  if (m > 2 && k > 0) a[2 * a_row] = -INFINITY;
  for (int64_t i = 0; m > 3 && i < k; ++i) a[3 * a_row + i] = 1e-35f;
  for (int64_t i = 0; m > 4 && i < k; ++i) a[4 * a_row + i] = i % 3 ? -127.0f : 2.5f;  // the ends, and halves
  for (int64_t i = 0; n > 1 && i < k; ++i) b[k + i] = -127;
  kernels.quantized_matmul({m, n, k, a, a_row, b, scale, c, c_row, scratch});
  CHECK(c.intact() && scratch.intact() && a.intact() && b.intact() && scale.intact());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const float want = expected(a.data + i * a_row, b.data + j * k, scale[j], k), got = c[i * c_row + j];
      CHECK(got == want || (std::isnan(got) && std::isnan(want)), "%ldx%ldx%ld at %ld, %ld: %g for %g", long(m),
            long(n), long(k), long(i), long(j), double(got), double(want));
    }
}

void check_products(const Kernels<float>& kernels) {
  Random random;
  const int64_t shapes[][3] = {{1, 1, 1},   {1, 8, 64},  {1, 13, 65},   {5, 7, 31},  {2, 4, 0},     {0, 4, 4},
                               {4, 16, 64}, {6, 33, 70}, {37, 21, 129}, {1, 0, 5},   {70, 9, 200},  {3, 40, 1024},
                               {1, 64, 17}, {33, 3, 16}, {2, 5, 33},    {1, 3, 500}, {1, 2, 131072}};
  for (const auto& s : shapes) check_product(kernels, s[0], s[1], s[2], random);
}

}  // namespace

TEST(quantized_products_are_exact) {
  each_isa([](const auto& kernels, auto real) {
    if constexpr (sizeof(real) == 4) check_products(kernels);
  });
#if defined(__x86_64__)
  context = "avx512 without VNNI";
  if (isa_supported(Isa::avx512)) check_products(avx512::float_kernels());
  context = "";
#endif
}
