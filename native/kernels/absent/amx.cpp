// No tile unit: another kind of processor or system, or a compiler that does not know it.
#include "bfloat16.h"

namespace elman {

const Products<float>* bfloat16_tiles() { return nullptr; }

}  // namespace elman
