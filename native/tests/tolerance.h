// Every tolerance of the native tests, derived from the machine epsilon and what is accumulated.
#pragma once
#include <cmath>
#include <limits>

namespace elman::test {

template <class R>
constexpr double epsilon = std::numeric_limits<R>::epsilon();

// A chain of n multiply-adds (or additions) whose absolute terms sum to `magnitude`: each link rounds by at most eps/2, twice
// without a fused instruction (Higham 2002, section 3.1).
template <class R>
double chain(double n, double magnitude) {
  return (n + 2) * epsilon<R> * magnitude + std::numeric_limits<R>::denorm_min();
}

// A blocked pairwise sum: 32 in a chain, then one rounding per level and per lane of the last tree.
template <class R>
double pairwise(double n, double magnitude) {
  return chain<R>(48 + std::log2(n + 1), magnitude);
}

// Distance in units of the last place of R at the true value
template <class R>
double ulp_distance(long double got, long double want) {
  if (std::isnan(got) && std::isnan(want)) return 0;
  if (std::isnan(got) || std::isnan(want)) return INFINITY;
  if (got == want) return 0;
  const R most = std::numeric_limits<R>::max();
  if (std::isinf(got) || std::isinf(want)) {  // rounding the last finite interval up to infinity is one unit
    const long double finite = std::isinf(got) ? want : got;
    return std::fabs(finite) >= most && (got > 0) == (want > 0) ? 1 : INFINITY;
  }
  const int least = std::numeric_limits<R>::min_exponent - 1, digits = std::numeric_limits<R>::digits;
  int exponent = want == 0 ? least : std::ilogb(want);
  if (exponent < least) exponent = least;
  return double(std::fabs(got - want) / std::ldexp(1.0L, exponent - digits + 1));
}

// Worst error of the vectorised functions, in ulp; the others call the C library.
constexpr double function_ulp = 4;

}  // namespace elman::test
