#include <algorithm>
#include <vector>

#include "check.h"

using namespace elman;
using namespace elman::test;

namespace {

const int64_t shapes[][3] = {{1, 1, 1},    {3, 5, 1},   {1, 7, 9},    {4, 33, 17},  {2, 100, 64}, {1, 1000, 1},
                             {2, 4099, 1}, {1, 700, 5}, {3, 65, 130}, {2, 16, 1},   {2, 17, 1},   {2, 0, 3},
                             {0, 4, 4},    {3, 0, 1},   {2, 64, 1},   {1, 128, 33}, {5, 4, 0}};

template <class R>
double fold(ReduceKind kind, double x, double y) {
  switch (kind) {
    case ReduceKind::sum:
      return x + y;
    case ReduceKind::prod:
      return x * y;
    case ReduceKind::max:
      return std::isnan(x) || std::isnan(y) ? NAN : std::fmax(x, y);
    case ReduceKind::min:
      return std::isnan(x) || std::isnan(y) ? NAN : std::fmin(x, y);
  }
  return NAN;
}

}  // namespace

TEST(reduce_every_kind) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (const auto& s : shapes)
      for (ReduceKind kind : {ReduceKind::sum, ReduceKind::max, ReduceKind::min, ReduceKind::prod})
        for (int special = 0; special < 4; ++special) {
          Buffer<R> from(s[0] * s[1] * s[2]), to(s[0] * s[2]);
          randomize(from, random, kind == ReduceKind::prod ? 0.9 : -1, kind == ReduceKind::prod ? 1.1 : 1);
          if (special && from.size)
            from[random.below(from.size)] = R(special == 1 ? NAN : special == 2 ? INFINITY : -INFINITY);
          kernels.reduce({kind, s[0], s[1], s[2], from, to});
          CHECK(to.intact());
          for (int64_t o = 0; o < s[0]; ++o)
            for (int64_t i = 0; i < s[2]; ++i) {
              const double starts[] = {0, -INFINITY, INFINITY, 1};
              double want = starts[int(kind)], magnitude = 1;
              for (int64_t l = 0; l < s[1]; ++l) {
                const double x = from[(o * s[1] + l) * s[2] + i];
                want = fold<R>(kind, want, x);
                magnitude += std::fabs(x);
              }
              const R got = to[o * s[2] + i];
              if (!std::isfinite(want) || kind == ReduceKind::max || kind == ReduceKind::min)
                CHECK(ulp_distance<R>(got, want) == 0, "%g for %g", double(got), want);
              else if (kind == ReduceKind::prod)
                CHECK(std::fabs(got - want) <= chain<R>(double(s[1]), std::fabs(want)));
              else CHECK(std::fabs(got - want) <= pairwise<R>(double(s[1]), magnitude), "%g for %g", double(got), want);
            }
        }
  });
}

TEST(reduce_sum_of_a_million_tenths) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const int64_t n = 1 << 20;
    Buffer<R> from(n), to(4);
    for (int64_t i = 0; i < n; ++i) from[i] = R(0.1);
    kernels.reduce({ReduceKind::sum, 1, n, 1, from, to});
    CHECK(std::fabs(to[0] - double(n) * R(0.1)) <= pairwise<R>(double(n), 0.1 * double(n)));
    kernels.reduce({ReduceKind::sum, 1, n / 4, 4, from, to});
    for (int i = 0; i < 4; ++i)
      CHECK(std::fabs(to[i] - double(n / 4) * R(0.1)) <= pairwise<R>(double(n), 0.1 * double(n / 4)));
  });
}

TEST(arg_max_takes_the_first_and_nan) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (const auto& s : shapes)
      for (int special = 0; special < 3; ++special) {
        if (s[1] == 0) continue;
        Buffer<R> from(s[0] * s[1] * s[2]);
        Buffer<int32_t> to(s[0] * s[2]);
        for (int64_t i = 0; i < from.size; ++i) from[i] = R(random.below(20)) - 10;
        for (int i = 0; i < special && from.size; ++i) from[random.below(from.size)] = R(NAN);
        if (special == 2)
          for (int64_t i = 0; i < from.size; ++i) from[i] = R(-INFINITY);
        kernels.arg_max({s[0], s[1], s[2], from, to});
        CHECK(to.intact());
        for (int64_t o = 0; o < s[0]; ++o)
          for (int64_t i = 0; i < s[2]; ++i) {
            int64_t want = 0;
            for (int64_t l = 1; l < s[1]; ++l) {
              const R x = from[(o * s[1] + l) * s[2] + i], best = from[(o * s[1] + want) * s[2] + i];
              if (!std::isnan(best) && (std::isnan(x) || x > best)) want = l;
            }
            CHECK(to[o * s[2] + i] == want, "%d for %ld", to[o * s[2] + i], long(want));
          }
      }
  });
}

TEST(top_k_sorts_takes_the_first_and_nan) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t columns : {1, 2, 5, 16, 63, 64, 65, 200, 1000})
      for (int64_t k : {1, 2, 5, 17})
        for (int special = 0; special < 4; ++special) {
          const int64_t rows = 3;
          if (k > columns) continue;
          Buffer<R> from(rows * columns), to(rows * k);
          Buffer<int32_t> places(rows * k);
          for (int64_t i = 0; i < from.size; ++i) from[i] = special == 3 ? R(i) : R(random.below(40)) - 20;
          for (int i = 0; i < special; ++i) from[random.below(from.size)] = R(NAN);
          if (special == 2)
            for (int64_t i = 0; i < from.size; ++i) from[i] = R(-INFINITY);
          kernels.top_k({rows, columns, k, from, to, places});
          CHECK(to.intact() && places.intact());
          for (int64_t row = 0; row < rows; ++row) {
            std::vector<int32_t> order(columns);
            for (int64_t i = 0; i < columns; ++i) order[i] = int32_t(i);
            std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
              const R x = from[row * columns + a], y = from[row * columns + b];
              return x > y || (std::isnan(x) && !std::isnan(y));
            });
            for (int64_t i = 0; i < k; ++i) {
              CHECK(places[row * k + i] == order[i], "%d for %d", places[row * k + i], order[i]);
              CHECK(ulp_distance<R>(to[row * k + i], from[row * columns + order[i]]) == 0);
            }
          }
        }
  });
}

TEST(softmax_and_log_softmax) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t columns : {1, 2, 3, 5, 8, 12, 16, 17, 31, 33, 64, 100, 1000})
      for (double scale : {1.0, 30.0, 1e4})
        for (bool log : {false, true})
          for (bool in_place : {false, true}) {
            const int64_t rows = 3;
            Buffer<R> from(rows * columns), to(rows * columns);
            randomize(from, random, -scale, scale);
            const Buffer<R> x(from);
            kernels.softmax({log, rows, columns, from, in_place ? from.data : to.data});
            CHECK(to.intact() && from.intact());
            const Buffer<R>& got = in_place ? from : to;
            for (int64_t i = 0; i < rows; ++i) {
              long double most = -INFINITY, sum = 0;
              for (int64_t j = 0; j < columns; ++j) most = std::fmax(most, (long double)x[i * columns + j]);
              for (int64_t j = 0; j < columns; ++j) sum += std::exp(x[i * columns + j] - most);
              for (int64_t j = 0; j < columns; ++j) {
                const long double shifted = x[i * columns + j] - most,
                                  want = log ? shifted - std::log(sum) : std::exp(shifted) / sum;
                // the exponent x - most rounds by eps |x - most| / 2 before exp sees it
                const double allowed = log ? chain<R>(8, double(std::fabs(shifted) + std::log(sum)) + 1)
                                           : chain<R>(double(columns) / 16 + 8 + double(-shifted), double(want));
                CHECK(std::fabs(double(got[i * columns + j] - want)) <= allowed, "%g for %Lg",
                      double(got[i * columns + j]), want);
              }
            }
          }
  });
}

TEST(softmax_of_infinities) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Buffer<R> from(12), to(12);
    const R inf = R(INFINITY), rows[] = {-inf, -inf, -inf, -inf, 0, -inf, 1, -inf, 0, R(NAN), 1, 2};
    for (int i = 0; i < 12; ++i) from[i] = rows[i];
    kernels.softmax({false, 3, 4, from, to});
    for (int i = 0; i < 4; ++i) CHECK(std::isnan(to[i]) && std::isnan(to[8 + i]));
    CHECK(to[5] == 0 && to[7] == 0 && std::fabs(to[4] + to[6] - 1) <= chain<R>(4, 1));
    kernels.softmax({true, 3, 4, from, to});
    for (int i = 0; i < 4; ++i) CHECK(std::isnan(to[i]) && std::isnan(to[8 + i]));
    CHECK(to[5] == -inf && to[7] == -inf);
  });
}

TEST(cum_sum_both_ways) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (const auto& s : shapes)
      for (bool reverse : {false, true})
        for (bool exclusive : {false, true}) {
          Buffer<R> from(s[0] * s[1] * s[2]), to(s[0] * s[1] * s[2]);
          randomize(from, random);
          kernels.cum_sum({reverse, exclusive, s[0], s[1], s[2], from, to});
          CHECK(to.intact());
          for (int64_t o = 0; o < s[0]; ++o)
            for (int64_t i = 0; i < s[2]; ++i) {
              double sum = 0, magnitude = 0;
              for (int64_t l = 0; l < s[1]; ++l) {
                const int64_t at = (o * s[1] + (reverse ? s[1] - 1 - l : l)) * s[2] + i;
                const double before = sum;
                sum += from[at];
                magnitude += std::fabs(from[at]);
                CHECK(std::fabs(to[at] - (exclusive ? before : sum)) <= chain<R>(double(l), magnitude));
              }
            }
        }
  });
}

TEST(finite_finds_the_first) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    for (int64_t n : {0, 1, 5, 16, 64, 65, 130, 1000}) {
      Buffer<R> from(n);
      for (int64_t i = 0; i < n; ++i) from[i] = i % 2 ? std::numeric_limits<R>::max() : R(0);
      CHECK(kernels.finite({n, from}) == -1);
      for (int64_t bad = 0; bad < n; bad += 1 + n / 13) {
        const R kept = from[bad];
        for (R x : {R(NAN), R(INFINITY), R(-INFINITY)}) {
          from[bad] = x;
          CHECK(kernels.finite({n, from}) == bad);
        }
        from[n - 1] = R(NAN);
        CHECK(kernels.finite({n, from}) == bad);
        from[n - 1] = 0;
        from[bad] = kept;
      }
    }
  });
}
