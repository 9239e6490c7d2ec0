// Products with codes of 8 bits where AVX-512 has an instruction for them (VNNI): the same source as every set's, and whether it is here.
#define ELMAN_TARGET avx512_vnni
#include "contraction_int8/matmul.h"
#include "vnni.h"

namespace elman {

void (*vnni_product())(const QuantizedMatmul&) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512vnni") ? avx512_vnni::quantized_matmul : nullptr;
}

}  // namespace elman
