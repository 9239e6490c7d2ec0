#include "check.h"
#include "steps.h"

using namespace elman;
using namespace elman::test;

namespace {

using Code = PointwiseCode;

// Nothing that follows is computed together with what made it.
template <class R>
R rounded(R x) {
  volatile R there = x;
  return there;
}

template <class R>
long double reference(Code code, R a, R b, R c) {
  const long double x = a, y = b;
  switch (code) {
    case Code::copy:
      return a;
    case Code::neg:
      return -a;
    case Code::abs:
      return std::fabs(a);
    case Code::sign:
      return std::isnan(a) ? x : (a > 0) - (a < 0);
    case Code::floor:
      return std::floor(a);
    case Code::ceil:
      return std::ceil(a);
    case Code::round:
      return std::nearbyint(a);
    case Code::sqrt:
      return std::sqrt(x);
    case Code::reciprocal:
      return 1 / x;
    case Code::rsqrt:
      return 1 / std::sqrt(x);
    case Code::exp:
      return std::exp(x);
    case Code::expm1:
      return std::expm1(x);
    case Code::log:
      return std::log(x);
    case Code::log1p:
      return std::log1p(x);
    case Code::tanh:
      return std::tanh(x);
    case Code::sigmoid:
      return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
    case Code::relu:
      return std::isnan(a) ? x : a > 0 ? x : 0;
    case Code::softplus:
      return std::isnan(a) ? x : std::fmax(x, 0.0L) + std::log1p(std::exp(-std::fabs(x)));
    case Code::erf:
      return std::erf(x);
    case Code::sin:
      return std::sin(x);
    case Code::cos:
      return std::cos(x);
    case Code::logical_not:
      return a == 0;
    case Code::is_nan:
      return std::isnan(a);
    case Code::is_inf:
      return std::isinf(a);
    case Code::add:
      return R(a + b);
    case Code::sub:
      return R(a - b);
    case Code::mul:
      return R(a * b);
    case Code::div:
      return x / y;
    case Code::pow:
      return std::pow(x, y);
    case Code::max:
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(x, y);
    case Code::min:
      return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(x, y);
    case Code::mod: {
      const R r = std::fmod(a, b);
      return r == 0 ? std::copysign(R(0), b) : (r < 0) != (b < 0) ? R(r + b) : r;
    }
    case Code::equal:
      return a == b;
    case Code::less:
      return a < b;
    case Code::less_equal:
      return a <= b;
    case Code::logical_and:
      return a != 0 && b != 0;
    case Code::logical_or:
      return a != 0 || b != 0;
    case Code::where:
      return a != 0 ? b : c;
    case Code::multiply_add:
      return x * y + c;
    case Code::product:
      return rounded(a * b) * c;
    case Code::sum_product:
      return rounded(a + b) * c;
    case Code::difference_product:
      return rounded(a - b) * c;
    case Code::less_product:
      return c - rounded(a * b);
    case Code::row_sum:
    case Code::row_max:
    case Code::row_min:
    case Code::row_prod:
    case Code::row_dot:
    case Code::count_:
      break;
  }
  return NAN;
}

double allowed_ulp(Code code) {
  switch (code) {
    case Code::exp:
    case Code::expm1:
    case Code::log:
    case Code::log1p:
    case Code::tanh:
    case Code::sigmoid:
    case Code::softplus:
    case Code::erf:
    case Code::sin:
    case Code::cos:
    case Code::pow:
      return function_ulp;
    case Code::sqrt:
    case Code::reciprocal:
    case Code::div:
      return 1;
    case Code::rsqrt:
      return 2;
    default:
      return 0;
  }
}

// to = code(a, b, c) over whole buffers
template <class R>
void check_values(const Kernels<R>& kernels, Code code, const Buffer<R>& a, const Buffer<R>& b, const Buffer<R>& c) {
  Buffer<R> to(a.size);
  run_code(kernels, code, a, b, c, to);
  for (int64_t i = 0; i < a.size; ++i) {
    const long double want = reference(code, a[i], b[i], c[i]);
    double allowed = allowed_ulp(code), distance = ulp_distance<R>(to[i], want);
    const long double magnitude = std::fabs((long double)a[i] * b[i]) + std::fabs((long double)c[i]);
    if (code == Code::multiply_add && magnitude <= std::numeric_limits<R>::max()) {
      allowed = chain<R>(1, double(magnitude));
      distance = std::fabs(double(to[i] - want));
    } else if (code == Code::multiply_add && std::isfinite(magnitude)) {
      continue;  // a fused product may exceed the range of R and come back, an unfused one not
    }
    CHECK(distance <= allowed, "code %d of %.17g, %.17g, %.17g: %.17g for %.17Lg (%g)", int(code), double(a[i]),
          double(b[i]), double(c[i]), double(to[i]), want, distance);
  }
}

template <class R>
R from_bits(uint64_t bits) {
  R x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

}  // namespace

TEST(pointwise_codes_on_ordinary_and_special_values) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const R tiny = std::numeric_limits<R>::denorm_min(), least = std::numeric_limits<R>::min(),
            most = std::numeric_limits<R>::max();
    const R values[] = {0,    R(-0.0), 1,           -1,           R(0.5),  R(-0.5), R(1.5), R(2.5), R(-2.5),
                        3,    -3,      R(1e-3),     R(-1e-3),     7,       20,      -20,    100,    -100,
                        800,  -800,    R(INFINITY), R(-INFINITY), R(NAN),  tiny,    -tiny,  least,  -least,
                        most, -most,   R(1e-30),    R(1e30),      R(1e-39)};
    constexpr int n = sizeof values / sizeof *values;
    Buffer<R> a(n * n), b(n * n), c(n * n);
    for (int i = 0; i < n * n; ++i) a[i] = values[i / n], b[i] = values[i % n], c[i] = values[(i + i / n) % n];
    for (int code = 0; code < int(first_row_code); ++code) check_values(kernels, Code(code), a, b, c);
  });
}

TEST(pointwise_every_length_and_guard) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    Random random;
    for (int64_t n :
         {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 300, 511, 512, 513, 1000}) {
      Buffer<R> a(n), b(n), c(n);
      randomize(a, random), randomize(b, random, 0.5, 2), randomize(c, random);
      for (Code code :
           {Code::neg, Code::exp, Code::tanh, Code::add, Code::div, Code::less, Code::where, Code::multiply_add})
        check_values(kernels, code, a, b, c);
    }
  });
}

TEST(pointwise_lanes_do_not_know_their_neighbours) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const R neighbours[] = {1,
                            0,
                            -1,
                            R(INFINITY),
                            R(-INFINITY),
                            R(NAN),
                            std::numeric_limits<R>::denorm_min(),
                            std::numeric_limits<R>::max()};
    Random random;
    const int64_t n = 16384;
    Buffer<R> a(n), b(n), c(n), to(n), alone(n);
    randomize(a, random, 0.01, 8), randomize(b, random, 0.01, 8), randomize(c, random, 0.01, 8);
    for (int code = 0; code < int(first_row_code); ++code) {
      for (const R neighbour : neighbours) {  // in all odd places; what comes out in the even ones must stay
        for (int64_t i = 1; i < n; i += 2) a[i] = b[i] = c[i] = neighbour;
        run_code(kernels, Code(code), a, b, c, neighbour == 1 ? alone : to);
        for (int64_t i = 0; i < n && neighbour != 1; i += 2)
          CHECK(std::memcmp(&to[i], &alone[i], sizeof(R)) == 0, "code %d of %.17g beside %g: %.17g, beside 1: %.17g",
                code, double(a[i]), double(neighbour), double(to[i]), double(alone[i]));
      }
    }
  });
}

TEST(math_accuracy_in_ulp) {
  each_isa([]<class R>(const Kernels<R>& kernels, R) {
    const Code codes[] = {Code::exp,      Code::expm1, Code::log,        Code::log1p, Code::tanh, Code::sigmoid,
                          Code::softplus, Code::sqrt,  Code::reciprocal, Code::rsqrt, Code::div};
    Random random;
    const int64_t n = 40000;
    Buffer<R> wide(n), narrow(n), small(n), any(n);
    randomize(wide, random, sizeof(R) == 4 ? -110 : -760, sizeof(R) == 4 ? 110 : 760);
    randomize(narrow, random, -12, 12);
    for (int64_t i = 0; i < n; ++i) {
      small[i] = R(std::exp2(random.uniform(-60, 3)) * (random.below(2) ? 1 : -1));
      any[i] = from_bits<R>(random.next());
    }
    for (Code code : codes) {
      double worst = 0;
      for (const Buffer<R>* x : {&wide, &narrow, &small, &any}) {
        Buffer<R> to(n);
        run_code(kernels, code, *x, *x == narrow ? any : narrow, any, to);
        for (int64_t i = 0; i < n; ++i) {
          const double distance =
              ulp_distance<R>(to[i], reference<R>(code, (*x)[i], *x == narrow ? any[i] : narrow[i], any[i]));
          if (distance > worst) worst = distance;
          CHECK(distance <= allowed_ulp(code), "code %d of %.17g: %.17g is %g ulp off", int(code), double((*x)[i]),
                double(to[i]), distance);
        }
      }
      if (std::getenv("ELMAN_TEST_REPORT")) std::printf("  %s code %d: worst %.2f ulp\n", context, int(code), worst);
    }
  });
}
