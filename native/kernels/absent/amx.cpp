// No tile unit: another kind of processor or system, or a compiler that does not know it.
#include "unit.h"

namespace elman {

static constexpr Products<float> none{};

bool tile_unit() { return false; }
const Products<float>& rounded_tiles() { return none; }
const Products<float>& split_tiles() { return none; }

}  // namespace elman
