// What the tile unit offers to the table of kernels; native/kernels/absent has it where there is no such unit.
#pragma once
#include "elman/kernels.h"

namespace elman {

bool tile_unit();  // whether this processor has it, and the system allows it
const Products<float>& rounded_tiles();  // of bfloat16 operands
const Products<float>& split_tiles();  // of floats in three parts

}  // namespace elman
