// What VNNI offers to the table of kernels; native/kernels/absent has it where the compiler does not know it.
#pragma once
#include "elman/kernels.h"

namespace elman {

void (*vnni_product())(const QuantizedMatmul&);  // nullptr: not this processor

}  // namespace elman
