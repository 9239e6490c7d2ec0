#include <cmath>
#include <cstring>
#include <vector>

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
void check_products(const Kernels<R>& kernels, Product kind, int64_t m, int64_t n, int64_t k, bool a_turned,
                    bool b_turned, int init, bool packed, Random& random) {
  const Products<R> products = kernels.products(kind);
  const auto operand = [&](double x) { return kind == Product::rounded ? nearest_bfloat16(x) : x; };
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
        const double x = operand(a[i * a_row + l * a_col]) * operand(b[l * b_row + j * b_col]);
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

const int64_t shapes[][3] = {{1, 1, 1},    {2, 3, 0},     {16, 16, 32}, {17, 33, 31},  {5, 70, 45},
                             {33, 15, 64}, {40, 20, 530}, {0, 4, 4},    {270, 18, 40}, {40, 270, 70}};

template <class R>
void check_shapes(const Kernels<R>& kernels, Product kind) {
  Random random;
  for (const auto& s : shapes)
    for (int turned = 0; turned < 4; ++turned)
      for (int init = 0; init < 3; ++init)
        check_products(kernels, kind, s[0], s[1], s[2], turned & 1, turned & 2, init, (turned + init) % 2 == 0, random);
}

// f of every set of kernels that has products in parts
template <class F>
void where_split(F f) {
  each_isa([&]<class R>(const Kernels<R>& kernels, R) {
    if constexpr (sizeof(R) == sizeof(float))
      if (kernels.split.matmul != nullptr) f(kernels);
  });
}

}  // namespace

TEST(bfloat16_products_round_their_operands) {
  each_isa([](const auto& kernels, auto) { check_shapes(kernels, Product::rounded); });
}

TEST(products_in_parts_are_those_of_floats) {
  where_split([](const Kernels<float>& kernels) { check_shapes(kernels, Product::split); });
}

// The root of the mean of squares of errors, over the sums of the terms' sizes
template <class F>
double error_of(const Buffer<float>& a, const Buffer<float>& b, int64_t m, int64_t n, int64_t k, F product) {
  Buffer<float> c(m * n);
  product(Matmul<float>{m, n, k, a, k, 1, b, n, 1, nullptr, nullptr, 0, c, n, nullptr});
  double total = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double want = 0, size = 0;
      for (int64_t l = 0; l < k; ++l) {
        const double term = double(a[i * k + l]) * b[l * n + j];
        want += term, size += std::fabs(term);
      }
      total += std::pow((c[i * n + j] - want) / size, 2);
    }
  return std::sqrt(total / double(m * n));
}

TEST(products_in_parts_err_less_than_chains_of_multiply_adds) {
  where_split([](const Kernels<float>& kernels) {
    Random random;
    for (const int64_t k : {32, 100, 256, 1000})
      for (const float size : {1e-12f, 1.0f, 1e12f}) {
        Buffer<float> a(32 * k), b(k * 48);
        randomize(a, random), randomize(b, random);
        for (int64_t i = 0; i < a.size; ++i) a[i] *= size;
        double errors[2];
        for (const Product kind : {Product::plain, Product::split}) {
          const Products<float> products = kernels.products(kind);
          Buffer<float> scratch(products.scratch_size(k, 48));
          errors[kind == Product::split] = error_of(a, b, 32, 48, k, [&](Matmul<float> call) {
            call.scratch = scratch;
            products.matmul(call);
          });
        }
        CHECK(errors[1] < errors[0], "k %ld size %g: %g, and %g of a chain", long(k), double(size), errors[1],
              errors[0]);
      }
  });
}

TEST(several_products_of_one_matrix_give_the_bits_of_each) {
  where_split([](const Kernels<float>& kernels) {
    Random random;
    for (const Product kind : {Product::rounded, Product::split}) {
      const Products<float> products = kernels.products(kind);
      const int64_t n = 40, k = 70, rows[] = {8, 0, 7, 21};
      Buffer<float> b(k * n), packing(products.packed_size(k, n)), scratch(products.scratch_size(k, n));
      randomize(b, random);
      products.pack(packing, b, n, 1, k, n);
      for (const bool turned : {false, true}) {
        std::vector<Buffer<float>> a, init, alone, joined;
        Matmul<float> calls[4];
        for (const int64_t m : rows) {
          a.emplace_back(m * k), init.emplace_back(m * n), alone.emplace_back(m * n), joined.emplace_back(m * n);
          randomize(a.back(), random), randomize(init.back(), random);
        }
        for (int i = 0; i < 4; ++i) {
          const int64_t m = rows[i];
          calls[i] = {m,
                      n,
                      k,
                      a[size_t(i)],
                      turned ? 1 : k,
                      turned ? m : 1,
                      nullptr,
                      0,
                      0,
                      packing,
                      init[size_t(i)],
                      n,
                      alone[size_t(i)],
                      n,
                      scratch};
          products.matmul(calls[i]);
          calls[i].c = joined[size_t(i)];
        }
        products.together(calls, 4);
        for (int i = 0; i < 4; ++i)
          for (int64_t j = 0; j < rows[i] * n; ++j)
            CHECK(same_bits(alone[size_t(i)][j], joined[size_t(i)][j]), "product %d differs at %ld", i, long(j));
      }
    }
  });
}

// NaN stays NaN; an infinity, and what is beyond the largest bfloat16, is not finite; nothing spreads to other elements.
TEST(products_in_parts_lose_no_nan) {
  where_split([](const Kernels<float>& kernels) {
    const Products<float>& products = kernels.split;
    const int64_t m = 20, n = 20, k = 40;
    uint32_t word = 0x7FFFFFFF;
    float all_ones;
    std::memcpy(&all_ones, &word, sizeof word);
    for (const float bad : {NAN, -NAN, all_ones, INFINITY, -INFINITY, 3.4e38f}) {
      Random random;
      Buffer<float> a(m * k), b(k * n), c(m * n), scratch(products.scratch_size(k, n));
      randomize(a, random), randomize(b, random);
      a[3 * k + 5] = bad, b[7 * n + 18] = bad;
      products.matmul({m, n, k, a, k, 1, b, n, 1, nullptr, nullptr, 0, c, n, scratch});
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j)
          CHECK(std::isfinite(c[i * n + j]) == (i != 3 && j != 18), "%ld %ld: %g", long(i), long(j),
                double(c[i * n + j]));
    }
  });
}

// Rows that lie apart, of which one has a number that is none
TEST(products_of_rows_apart_see_what_is_not_finite) {
  where_split([](const Kernels<float>& kernels) {
    Random random;
    const int64_t m = 19, n = 33, k = 50;
    for (const Product kind : {Product::rounded, Product::split}) {
      const Products<float> products = kernels.products(kind);
      Buffer<float> a(m * k), b(k * n), together(m * n), apart(m * n), packing(products.packed_size(k, n)),
          scratch(products.scratch_size(k, n));
      randomize(a, random), randomize(b, random);
      products.pack(packing, b, n, 1, k, n);
      const float* rows[m];
      for (int64_t i = 0; i < m; ++i) rows[i] = a.data + i * k;
      bool finite = true;
      Matmul<float> call{m, n, k, a, k, 1, nullptr, 0, 0, packing, nullptr, 0, together, n, scratch};
      products.matmul(call);
      call.c = apart, call.a = nullptr, call.rows = rows, call.finite = &finite;
      products.matmul(call);
      CHECK(finite);
      for (int64_t i = 0; i < m * n; ++i) CHECK(same_bits(together[i], apart[i]), "element %ld", long(i));
      a[11 * k + 49] = -INFINITY;
      products.matmul(call);
      CHECK(!finite);
    }
  });
}
