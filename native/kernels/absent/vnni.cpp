// No instruction for products of bytes: another kind of processor, or a compiler that does not know it.
#include "vnni.h"

namespace elman {

void (*vnni_product())(const QuantizedMatmul&) { return nullptr; }

}  // namespace elman
