// Which instruction sets this processor and its operating system offer, and the kernels of each.
#include <initializer_list>

#include "elman/kernels.h"
#include "unit.h"
#include "vnni.h"

namespace elman {

namespace baseline {
const Kernels<float>& float_kernels();
const Kernels<double>& double_kernels();
}  // namespace baseline

#if defined(__x86_64__)
namespace avx2 {
const Kernels<float>& float_kernels();
const Kernels<double>& double_kernels();
}  // namespace avx2
namespace avx512 {
const Kernels<float>& float_kernels();
const Kernels<double>& double_kernels();
}  // namespace avx512

// __builtin_cpu_supports asks CPUID and, for registers wider than SSE's, XGETBV: whether the system saves them.
bool isa_supported(Isa isa) {
  __builtin_cpu_init();
  const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  switch (isa) {
    case Isa::baseline:
      return v2;
    case Isa::avx2:
      return v3;
    case Isa::avx512:
      return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::amx:
      return isa_supported(Isa::avx512) && tile_unit();
  }
  return false;
}

// AVX-512's kernels, with the units beside it that are there
static Kernels<float> with_units(bool tiles) {
  Kernels<float> kernels = avx512::float_kernels();
  if (auto product = vnni_product()) kernels.quantized_matmul = product;
  if (!tiles) return kernels;
  kernels.name = "amx";
  kernels.bfloat16 = rounded_tiles(), kernels.bfloat16_unit = true;
  kernels.split = split_tiles();
  return kernels;
}

template <>
const Kernels<float>& kernels<float>(Isa isa) {
  static const Kernels<float> wide = with_units(false), wide_and_tiles = with_units(tile_unit());
  return isa == Isa::amx      ? wide_and_tiles
         : isa == Isa::avx512 ? wide
         : isa == Isa::avx2   ? avx2::float_kernels()
                              : baseline::float_kernels();
}
template <>
const Kernels<double>& kernels<double>(Isa isa) {
  return isa >= Isa::avx512 ? avx512::double_kernels()
         : isa == Isa::avx2 ? avx2::double_kernels()
                            : baseline::double_kernels();
}
#else
bool isa_supported(Isa isa) { return isa == Isa::baseline; }
template <>
const Kernels<float>& kernels<float>(Isa) {
  return baseline::float_kernels();
}
template <>
const Kernels<double>& kernels<double>(Isa) {
  return baseline::double_kernels();
}
#endif

Isa best_isa() {
  for (const Isa isa : {Isa::amx, Isa::avx512, Isa::avx2})
    if (isa_supported(isa)) return isa;
  return Isa::baseline;
}

}  // namespace elman
