#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

template <class R>
struct Problem {
  Problem(int64_t rows, int64_t k, int64_t n, Random& random)
      : rows(rows), k(k), n(n), x(rows * k), w(k * n), bias(n), g(rows), index(rows) {
    randomize(x, random), randomize(w, random), randomize(bias, random), randomize(g, random);
    for (int64_t i = 0; i < rows; ++i) index[i] = int32_t(random.below(n));
  }
  std::vector<double> logits(int64_t row) const {
    std::vector<double> z(static_cast<size_t>(n));
    for (int64_t j = 0; j < n; ++j) {
      z[size_t(j)] = bias[j];
      for (int64_t i = 0; i < k; ++i) z[size_t(j)] += double(x[row * k + i]) * double(w[i * n + j]);
    }
    return z;
  }
  int64_t rows, k, n;
  Buffer<R> x, w, bias, g;
  Buffer<int32_t> index;
};

template <class R>
void check_problem(const Kernels<R>& kernels, const Problem<R>& p, int64_t block, bool slopes) {
  Buffer<R> loss(p.rows), dx(slopes ? p.rows * p.k : 0), dw(slopes ? p.k * p.n : 0), db(slopes ? p.n : 0);
  Buffer<R> logits(block * p.n),
      scratch(kernels.packed_size(p.k, p.n) + kernels.packed_size(p.n, p.k) + kernels.packed_size(block, p.n));
  Buffer<int32_t> best(p.rows);
  const int64_t at =
      kernels.linear_cross_entropy({p.rows, p.k, p.n, block, p.x, p.w, p.bias, p.index, slopes ? p.g.data : nullptr,
                                    loss, best, dx, dw, db, logits, scratch, kernels.matmul});
  CHECK(at == -1 && loss.intact() && best.intact() && dx.intact() && dw.intact() && db.intact() && logits.intact() &&
        scratch.intact());
  std::vector<double> want_dw(size_t(p.k * p.n)), want_db(static_cast<size_t>(p.n));
  const double allowed = chain<R>(double(p.k + p.n + p.rows), double(p.k + 8) * double(p.rows));
  for (int64_t i = 0; i < p.rows; ++i) {
    const std::vector<double> z = p.logits(i);
    double most = z[0], sum = 0;
    for (double v : z) most = std::fmax(most, v);
    for (double v : z) sum += std::exp(v - most);
    CHECK(std::fabs(loss[i] - (most + std::log(sum) - z[size_t(p.index[i])])) <= allowed);
    CHECK(std::fabs(z[size_t(best[i])] - most) <= allowed);
    std::vector<double> want_dx(static_cast<size_t>(p.k));
    for (int64_t j = 0; j < p.n; ++j) {
      const double d = double(p.g[i]) * (std::exp(z[size_t(j)] - most) / sum - (j == p.index[i]));
      want_db[size_t(j)] += d;
      for (int64_t l = 0; l < p.k; ++l) {
        want_dx[size_t(l)] += d * double(p.w[l * p.n + j]);
        want_dw[size_t(l * p.n + j)] += d * double(p.x[i * p.k + l]);
      }
    }
    for (int64_t l = 0; slopes && l < p.k; ++l) CHECK(std::fabs(dx[i * p.k + l] - want_dx[size_t(l)]) <= allowed);
  }
  for (int64_t j = 0; slopes && j < p.n; ++j) CHECK(std::fabs(db[j] - want_db[size_t(j)]) <= allowed);
  for (int64_t j = 0; slopes && j < p.k * p.n; ++j) CHECK(std::fabs(dw[j] - want_dw[size_t(j)]) <= allowed);
}

}  // namespace

TEST(linear_cross_entropy_at_any_block) {
  each_isa([](const auto& kernels, auto zero) {
    using R = decltype(zero);
    Random random;
    const int64_t shapes[][3] = {{1, 1, 1}, {5, 3, 7}, {17, 16, 40}, {33, 5, 129}, {0, 3, 4}};
    for (const auto& s : shapes) {
      const Problem<R> p(s[0], s[1], s[2], random);
      for (int64_t block : {1, 4, 64})
        for (bool slopes : {false, true}) check_problem(kernels, p, block, slopes);
    }
  });
}

TEST(linear_cross_entropy_names_an_index_that_is_no_class) {
  each_isa([](const auto& kernels, auto zero) {
    using R = decltype(zero);
    Random random;
    Problem<R> p(4, 2, 3, random);
    for (int32_t wrong : {-1, 3}) {
      p.index[2] = wrong;
      Buffer<R> loss(4), logits(12), scratch(kernels.packed_size(2, 3));
      Buffer<int32_t> best(4);
      const int64_t at = kernels.linear_cross_entropy({4, 2, 3, 4, p.x, p.w, p.bias, p.index, nullptr, loss, best,
                                                       nullptr, nullptr, nullptr, logits, scratch, kernels.matmul});
      CHECK(at == 2);
    }
  });
}
