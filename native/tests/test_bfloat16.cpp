#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

double nearest_bfloat16(double x) {  // 8 bits of precision, halves to even: scaled so that the last bit is a unit
  if (x == 0) return 0;
  const int unit = std::ilogb(x) - 7;
  return std::ldexp(std::nearbyint(std::ldexp(x, -unit)), unit);
}

template <class R>
void check_rounded(const Kernels<R>& kernels, int64_t m, int64_t n, int64_t k, bool a_turned, bool b_turned, int init,
                   bool packed, Random& random) {
  const Products<R>& products = kernels.bfloat16;
  Buffer<R> a(m * k), b(k * n), start(init == 1 ? n : m * n), c(m * n), alone(n);
  Buffer<R> packing(products.packed_size(k, n)), scratch(products.scratch_size(k, n));
  randomize(a, random), randomize(b, random), randomize(start, random);
  for (int64_t i = 0; i < a.size; ++i) a[i] = R(float(a[i]));  // bfloat16 is what is nearest to the float
  for (int64_t i = 0; i < b.size; ++i) b[i] = R(float(b[i]));
  const int64_t a_row = a_turned ? 1 : k, a_col = a_turned ? m : 1, b_row = b_turned ? 1 : n, b_col = b_turned ? k : 1;
  const int64_t init_row = init == 1 ? 0 : n;
  if (packed) products.pack(packing, b, b_row, b_col, k, n);
  Matmul<R> call{m,
                 n,
                 k,
                 a,
                 a_row,
                 a_col,
                 b,
                 b_row,
                 b_col,
                 packed ? packing.data : nullptr,
                 init ? start.data : nullptr,
                 init_row,
                 c,
                 n,
                 scratch};
  products.matmul(call);
  CHECK(c.intact() && scratch.intact() && packing.intact() && a.intact() && b.intact() && start.intact());
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double want = init ? double(start[i * init_row + j]) : 0, size = std::fabs(want);
      for (int64_t l = 0; l < k; ++l) {
        const double x = nearest_bfloat16(a[i * a_row + l * a_col]) * nearest_bfloat16(b[l * b_row + j * b_col]);
        want += x, size += std::fabs(x);
      }
      CHECK(std::fabs(c[i * n + j] - want) <= chain<R>(double(k), size), "%ldx%ldx%ld: %g for %g", long(m), long(n),
            long(k), double(c[i * n + j]), want);
    }
  if (m == 0) return;
  call.m = 1, call.a = a.data + (m - 1) * a_row, call.c = alone;
  if (init) call.init = start.data + (m - 1) * init_row;
  products.matmul(call);
  for (int64_t j = 0; j < n; ++j) CHECK(same_bits(alone[j], c[(m - 1) * n + j]), "a row alone differs");
}

}  // namespace

TEST(bfloat16_products_round_their_operands) {
  each_isa([](const auto& kernels, auto) {
    Random random;
    const int64_t shapes[][3] = {{1, 1, 1},    {2, 3, 0},     {16, 16, 32}, {17, 33, 31}, {5, 70, 45},
                                 {33, 15, 64}, {40, 20, 530}, {0, 4, 4},    {270, 18, 40}};
    for (const auto& s : shapes)
      for (int turned = 0; turned < 4; ++turned)
        for (int init = 0; init < 3; ++init)
          check_rounded(kernels, s[0], s[1], s[2], turned & 1, turned & 2, init, (turned + init) % 2 == 0, random);
  });
}
