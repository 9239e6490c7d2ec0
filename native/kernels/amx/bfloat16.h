// What the tile unit offers to the table of kernels; native/kernels/absent has it where there is no such unit.
#pragma once
#include "elman/kernels.h"

namespace elman {

const Products<float>* bfloat16_tiles();  // nullptr: not this processor, or the system does not allow it

}  // namespace elman
